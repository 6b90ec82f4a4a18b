/** `libwebsockets_broadcast` from processes and workers that serve no context, by the documented names. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { feb11, oct12 } from "../../src/compat/mod.ts";
import { useHost } from "../../src/compat/calls/creation.ts";
import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import { contentOf } from "../fixtures/numbered.ts";
import { type Callback, FEB11, logged, OCT12, on, rig } from "./support.ts";
import { freePort } from "../support/free_port.ts";
import { PATIENT } from "../support/patience.ts";
import { captureLog } from "../support/recorder.ts";

const VARIABLE = "LWS_BROADCAST_SOCKETS";
const APPLICATION = new URL("../fixtures/forked_application.ts", import.meta.url);
const MESSAGES = 50;
const EXPECTED = Array.from({ length: MESSAGES }, (_, i) => contentOf(i)).filter((each) =>
  each !== ""
);

/** A served context on the real network, with its loop forked, and a client of its news. */
async function forked() {
  useHost({});
  const decoder = new TextDecoder();
  const port = freePort();
  const protocols: oct12.libwebsocket_protocols[] = [
    { name: "http-only", callback: () => 0 },
    {
      name: "news",
      callback(_context, wsi, reason, _user, input, len) {
        if (reason !== oct12.LWS_CALLBACK_BROADCAST) return 0;
        return oct12.libwebsocket_write(wsi, input as Uint8Array, len, oct12.LWS_WRITE_TEXT);
      },
    },
  ];
  const context = oct12.libwebsocket_create_context(
    port,
    "127.0.0.1",
    protocols,
    null,
    null,
    null,
    -1,
    -1,
    0,
    null,
    PATIENT,
  )!;
  assertEquals(oct12.libwebsockets_fork_service_loop(context), 0);
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, "news");
  socket.binaryType = "arraybuffer";
  const messages: string[] = [];
  let wake = () => {};
  socket.onmessage = ({ data }) => {
    messages.push(typeof data === "string" ? data : decoder.decode(data));
    wake();
  };
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  const closed = new Promise((resolve) => socket.onclose = resolve);
  return {
    context,
    protocols,
    messages,
    async until(count: number) {
      while (messages.length < count) await new Promise<void>((resolve) => wake = resolve);
    },
    async [Symbol.asyncDispose]() {
      await oct12.libwebsocket_context_destroy(context);
      await closed;
      useHost({ network: new MemoryNetwork() });
    },
  };
}

/** Runs the application as a process, with those permissions. */
async function runApplication(...permissions: string[]) {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", ...permissions, fromFileUrl(APPLICATION), String(MESSAGES)],
    stdin: "null",
    stderr: "piped",
  }).output();
  return { code, log: new TextDecoder().decode(stderr) };
}

Deno.test("contract 7: a process that is started behind fork_service_loop broadcasts by the names, in order, and ends when all has left", async () => {
  await using server = await forked();
  const { code, log } = await runApplication("--allow-net", `--allow-env=${VARIABLE}`);
  assertEquals([code, log], [0, ""]);
  await server.until(EXPECTED.length);
  assertEquals(server.messages, EXPECTED);
});

Deno.test("contract 7: a worker that is started behind fork_service_loop broadcasts by the names, in order", async () => {
  await using server = await forked();
  const worker = new Worker(APPLICATION, { type: "module" });
  try {
    const result = new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data));
    worker.postMessage(MESSAGES);
    assertEquals(await result, 0);
    await server.until(EXPECTED.length);
    assertEquals(server.messages, EXPECTED);
  } finally {
    worker.terminate();
  }
});

Deno.test("a process that was told nothing, or may not look, has −1, and its log says why", async () => {
  const untold = await runApplication("--allow-net", `--allow-env=${VARIABLE}`);
  assertEquals(untold.code, 1);
  assertStringIncludes(
    untold.log,
    "libwebsockets_broadcast: protocol is none of a context's here, and no " +
      'libwebsockets_fork_service_loop has passed on where to broadcast to "news"',
  );
  await using _server = await forked();
  const blind = await runApplication("--allow-net");
  assertEquals(blind.code, 1);
  assertStringIncludes(blind.log, `--allow-env=${VARIABLE} is not given`);
});

Deno.test("what is passed on goes with its context, and leaves that of others", async () => {
  // The variable is the process's: tests beside this one pass on other names.
  const token = (name: string): string | undefined =>
    JSON.parse(Deno.env.get(VARIABLE) ?? "{}")[name]?.token;
  {
    await using first = await forked();
    assertEquals(token("news"), first.protocols[1]!.broadcast_socket_token);
    {
      await using second = await forked();
      assertEquals(token("news"), second.protocols[1]!.broadcast_socket_token);
      await oct12.libwebsocket_context_destroy(first.context);
      assertEquals(token("news"), second.protocols[1]!.broadcast_socket_token);
    }
    assertEquals(token("news"), undefined);
  }
  assertEquals(token("http-only"), undefined);
});

for (
  const [face, broadcast] of [
    [FEB11, feb11.libwebsockets_broadcast],
    [OCT12, oct12.libwebsockets_broadcast],
  ] as const
) {
  Deno.test(`${face.name}: a struct that was given the port and the token broadcasts, until the context ends`, async () => {
    const heard: string[] = [];
    const callback: Callback = (_wsi, reason, _user, input) => {
      if (reason === "BROADCAST") heard.push(new TextDecoder().decode(input));
    };
    const server = rig(face, { protocols: [{ name: "news", callback }] });
    await server.open({ protocol: "news" });
    const { broadcast_socket_port, broadcast_socket_token } = face.structs[0] as Record<
      string,
      never
    >;
    const elsewhere = {
      name: "news",
      callback: null,
      broadcast_socket_port,
      broadcast_socket_token,
    };
    const buf = new TextEncoder().encode("hello");
    assertEquals(broadcast(elsewhere, buf, 5), 5);
    // It was taken before the call returned.
    buf.fill(0);
    assertEquals(broadcast(elsewhere, "hello again", 5), 5);
    assertEquals(broadcast(elsewhere, buf, 0), 0);
    await server.until(() => heard.length === 2);
    assertEquals(heard, ["hello", "hello"]);
    await server[Symbol.asyncDispose]();
    using log = captureLog();
    assertEquals(broadcast(elsewhere, "late", 4), 4);
    while (log.lines.length === 0) await new Promise((resolve) => void setImmediate(resolve));
    assertStringIncludes(log.lines.join("\n"), "libwebsockets_broadcast: the connection to");
    assertEquals(broadcast(elsewhere, "later", 5), -1);
  });

  Deno.test(`${face.name}: a stranger's token is refused, and what would wait without an end`, async () => {
    const heard: string[] = [];
    const callback = on("BROADCAST", () => void heard.push("BROADCAST"));
    await using server = rig(face, { protocols: [{ name: "news", callback }] });
    await server.open({ protocol: "news" });
    const { broadcast_socket_port } = face.structs[0] as Record<string, never>;
    const stranger = {
      name: "news",
      callback: null,
      broadcast_socket_port,
      broadcast_socket_token: (face === FEB11 ? "0" : "1").repeat(64),
    };
    const piece = new Uint8Array(4 * 1024 * 1024);
    for (let i = 0; i < 4; i++) {
      assertEquals(broadcast(stranger, piece, piece.length), piece.length);
    }
    const { result, lines } = logged(() => broadcast(stranger, piece, 1));
    assertEquals(result, -1);
    assertStringIncludes(
      lines.join("\n"),
      "err: libwebsockets_broadcast: 16777216 bytes are unsent",
    );
    using log = captureLog();
    await server.until(() => log.lines.some((line) => line.includes("does not take the token")));
    assertEquals(broadcast(stranger, piece, 1), -1);
    assertEquals(heard, []);
  });
}
