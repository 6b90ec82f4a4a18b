/** Broadcasts from another process and another worker, to real connections over the loopback. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { type Context, CONTEXT_PORT_NO_LISTEN, createContext, handlers } from "../../../mod.ts";
import { contentOf } from "../../fixtures/numbered.ts";
import { PATIENT } from "../../support/patience.ts";
import { captureLog } from "../../support/recorder.ts";
import { named } from "../../support/named.ts";

const CONNECTIONS = 200;
const MESSAGES = 50;
const EXPECTED = Array.from({ length: MESSAGES }, (_, i) => contentOf(i));

/** A server that sends what is broadcast, and connections that write down what they are sent. */
async function connected(count: number): Promise<
  AsyncDisposable & {
    server: Context;
    received: readonly string[][];
    until(messages: number): Promise<void>;
  }
> {
  const received: string[][] = [];
  const decoder = new TextDecoder();
  const established = Promise.withResolvers<void>();
  let missing = count;
  let wanted = Infinity;
  let complete = () => {};
  const server = createContext({
    port: 0,
    iface: "127.0.0.1",
    broadcastSockets: true,
    ...PATIENT,
    protocols: [named("news", {
      established: () => {
        if (--missing === 0) established.resolve();
      },
      broadcast: (wsi, _user, data) => void wsi.write(data, "binary"),
    })],
  });
  const client = createContext({
    port: CONTEXT_PORT_NO_LISTEN,
    ...PATIENT,
    protocols: [{
      name: "news",
      perSessionData: () => {
        const messages: string[] = [];
        received.push(messages);
        return messages;
      },
      callback: handlers<string[]>({
        message(_wsi, messages, message) {
          messages.push(decoder.decode(message as Uint8Array));
          if (received.every((each) => each.length >= wanted)) complete();
        },
      }),
    }],
  });
  for (let i = 0; i < count; i++) {
    client.clientConnect({ address: "127.0.0.1", port: server.port, protocol: "news" });
  }
  await established.promise;
  return {
    server,
    received,
    until(messages) {
      wanted = messages;
      return new Promise<void>((resolve) => {
        complete = resolve;
        if (received.every((each) => each.length >= wanted)) resolve();
      });
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([server.destroy(), client.destroy()]);
    },
  };
}

function assertAllReceived(received: readonly string[][]): void {
  assertEquals(received.length, CONNECTIONS);
  for (const messages of received) assertEquals(messages, EXPECTED);
}

Deno.test("contract 7: a broadcast of another process reaches 200 connections, in order and with its boundaries", async () => {
  await using setUp = await connected(CONNECTIONS);
  const { broadcastSocketPort, broadcastToken } = setUp.server.protocols[0]!;
  const script = fromFileUrl(new URL("../../fixtures/broadcaster.ts", import.meta.url));
  await using process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-net", script, `${broadcastSocketPort}`, `${MESSAGES}`],
    stdin: "piped",
  }).spawn();
  const stdin = process.stdin.getWriter();
  await stdin.write(new TextEncoder().encode(broadcastToken));
  await stdin.close();
  await setUp.until(MESSAGES);
  assertAllReceived(setUp.received);
  assertEquals((await process.status).code, 0);
});

Deno.test("contract 7: a broadcast of another worker reaches 200 connections, in order and with its boundaries", async () => {
  await using setUp = await connected(CONNECTIONS);
  const worker = new Worker(new URL("../../fixtures/port_broadcaster.ts", import.meta.url), {
    type: "module",
  });
  try {
    const port = setUp.server.openPort();
    worker.postMessage({ port, count: MESSAGES }, [port]);
    await setUp.until(MESSAGES);
    assertAllReceived(setUp.received);
  } finally {
    worker.terminate();
  }
});

Deno.test("a process with a wrong token fails loudly, is logged, and nobody hears it", async () => {
  using log = captureLog();
  await using setUp = await connected(1);
  const { broadcastSocketPort, broadcastToken } = setUp.server.protocols[0]!;
  const script = fromFileUrl(new URL("../../fixtures/broadcaster.ts", import.meta.url));
  await using process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-net", script, `${broadcastSocketPort}`, "1"],
    stdin: "piped",
    stderr: "piped",
  }).spawn();
  const stdin = process.stdin.getWriter();
  await stdin.write(new TextEncoder().encode("0".repeat(64)));
  await stdin.close();
  const errors = await new Response(process.stderr).text();
  assertStringIncludes(errors, `port ${broadcastSocketPort} does not take the token`);
  assertEquals((await process.status).code, 1);
  assert(log.lines.some((line) => line.endsWith("said a wrong token")), log.lines.join());
  assert(!log.lines.join().includes(broadcastToken));

  setUp.server.broadcast("news", contentOf(0));
  await setUp.until(1);
  assertEquals(setUp.received, [[contentOf(0)]]);
});

Deno.test("broadcast sockets listen on the loopback address only", async () => {
  const closed = { name: "p", callback: handlers({}) };
  await using context = createContext({ port: 0, broadcastSockets: true, protocols: [closed] });
  const { broadcastSocketPort } = context.protocols[0]!;
  assert(broadcastSocketPort > 0 && broadcastSocketPort !== context.port);
  // The whole of 127/8 is the loopback; what listens on 0.0.0.0 answers here, too.
  const elsewhere = { hostname: "127.0.0.2", port: broadcastSocketPort };
  const reached = await Deno.connect(elsewhere).then((conn) => conn.close(), () => "refused");
  assertEquals(reached, "refused");
});
