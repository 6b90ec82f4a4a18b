/** Messages that are framed once and written to many connections. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { handlers, LwsError, prepareMessage, type Protocol, type Wsi } from "../../../mod.ts";
import { PreparedMessage } from "../../../src/connection/prepared_message.ts";
import { captureLog } from "../../support/recorder.ts";
import { openAlone, serve, settle } from "../../support/serve.ts";
import { named } from "../../support/named.ts";
import { reply } from "../../support/http.ts";

/** A protocol that keeps its connections in the order in which they came. */
function gathering(): { protocol: Protocol; all: Wsi[] } {
  const all: Wsi[] = [];
  const callback = handlers({
    established: (wsi) => void all.push(wsi),
    clientEstablished: (wsi) => void all.push(wsi),
  });
  return { protocol: { name: "gathering", callback }, all };
}

Deno.test("one prepared message reaches every connection as the frame that it is", async () => {
  const { protocol, all } = gathering();
  await using served = serve([protocol]);
  const sockets = [await served.open(), await served.open(), await served.open()];
  for (const length of [0, 1, 125, 126, 4096, 65_535, 65_536]) {
    const data = new Uint8Array(length).fill(7);
    const message = prepareMessage(data);
    data.fill(8);
    assertEquals([message.kind, message.byteLength], ["binary", length]);
    for (const wsi of all) assertEquals(wsi.write(message), length);
    for (const socket of sockets) {
      const { fin, opcode, masked, payload } = await socket.receive();
      assertEquals([fin, opcode, masked], [true, 2, false]);
      assertEquals(payload, new Uint8Array(length).fill(7));
    }
  }
});

Deno.test("a string is prepared as text, and bytes as the kind that is asked for", async () => {
  const { protocol, all } = gathering();
  await using socket = await openAlone([protocol]);
  all[0]!.write(prepareMessage("grün"));
  all[0]!.write(prepareMessage(new TextEncoder().encode("blau"), "text"));
  all[0]!.write(prepareMessage("rot", "binary"));
  const got = [await socket.receive(), await socket.receive(), await socket.receive()];
  assertEquals(got.map(({ opcode }) => opcode), [1, 1, 2]);
  const texts = got.map(({ payload }) => new TextDecoder().decode(payload));
  assertEquals(texts, ["grün", "blau", "rot"]);
});

Deno.test("prepared messages and other writes keep their order, in as few writes as they fit", async () => {
  const { protocol, all } = gathering();
  await using socket = await openAlone([protocol]);
  const message = prepareMessage("p");
  const expected: string[] = [];
  for (let i = 0; i < 50; i++) {
    const text = i % 5 === 0 ? `own ${i}` : i % 7 === 0 ? "long ".repeat(2000) : "p";
    expected.push(text);
    all[0]!.write(text === "p" ? message : text.startsWith("long") ? prepareMessage(text) : text);
  }
  for (const text of expected) assertEquals(await socket.receiveText(), text);
});

Deno.test("a client masks its copy, and the message itself stays as it is", async () => {
  const { protocol, all } = gathering();
  const received: unknown[] = [];
  const echo = handlers({ message: (_wsi, _user, message) => void received.push(message) });
  await using served = serve([{ name: "server", callback: echo }]);
  const client = served.client([protocol]);
  client.clientConnect({ address: "memory", port: 80 });
  client.clientConnect({ address: "memory", port: 80 });
  await settle();
  const message = prepareMessage("to the server");
  for (const wsi of [...all, ...all]) assertEquals(wsi.write(message), 13);
  await settle();
  assertEquals(received, new Array(4).fill("to the server"));
});

Deno.test("a peer that reads nothing is cut at maxUnsentBytes, and the others miss nothing", async () => {
  using log = captureLog();
  const { protocol, all } = gathering();
  await using served = serve([protocol], { maxUnsentBytes: 100_000 });
  const slow = await served.open();
  const fast = await served.open();
  slow.peer.transport.stopReading();
  // With its header a tenth of the limit.
  const message = prepareMessage(new Uint8Array(9_996));
  let isCut = false;
  for (let i = 0; i < 100; i++) {
    const hasRoom = all[0]!.unsentBytes <= 90_000;
    const [toSlow, toFast] = all.map((wsi) => wsi.write(message));
    isCut ||= !hasRoom;
    assertEquals([toSlow, toFast], [isCut ? -1 : 9_996, 9_996]);
    assertEquals((await fast.receive()).payload.length, 9_996);
  }
  assert(isCut);
  assertStringIncludes(log.lines[0]!, "maxUnsentBytes");
});

Deno.test("what can't be prepared or written is refused by name", async () => {
  const { protocol, all } = gathering();
  await using served = serve([protocol]);
  await served.open();
  const wsi = all[0]!;
  const refused = (code: string, part: string, run: () => void) => {
    const error = assertThrows(run, LwsError);
    assertEquals(error.code, code);
    assertStringIncludes(error.message, part);
  };
  refused("invalid-argument", "ping", () => prepareMessage("x", "ping" as "text"));
  refused("invalid-argument", "Uint8Array", () => prepareMessage(5 as unknown as string));
  refused("invalid-argument", "Uint8Array", () => wsi.write({ length: 5 } as never));
  const message = prepareMessage("x");
  const write = wsi.write.bind(wsi) as (data: unknown, ...rest: unknown[]) => number;
  refused("invalid-argument", "kind", () => write(message, "text"));
  refused("invalid-argument", "kind", () => write(message, "ping"));
  refused("invalid-argument", "kind", () => write(message, undefined, { fin: false }));
  wsi.write("begun", "text", { fin: false });
  refused("invalid-state", "continuation", () => wsi.write(message));
  wsi.write("done", "continuation");
  assertEquals(wsi.write(message), 1);
  wsi.close(1000);
  assertEquals(wsi.write(message), -1);
  assert(message instanceof PreparedMessage);
});

Deno.test("a prepared message has its kind and its length for the program, and no frame", () => {
  const message = prepareMessage("x");
  assertEquals(Reflect.ownKeys(message), []);
  const members = Reflect.ownKeys(Object.getPrototypeOf(message));
  assertEquals(members.map(String).sort(), ["byteLength", "constructor", "kind"]);
  assertEquals([message.kind, message.byteLength], ["text", 1]);
});

Deno.test("a prepared message is nothing for an HTTP connection", async () => {
  const written: number[] = [];
  await using served = serve([named("http", {
    http(wsi) {
      written.push(wsi.write(prepareMessage("x")));
      return reply(wsi);
    },
  })]);
  await (await served.dial("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).readToEnd();
  assertEquals(written, [-1]);
});
