import { assert, assertEquals, assertThrows } from "@std/assert";
import { handlers, LwsError, type Protocol, type Wsi } from "../../../mod.ts";
import { record } from "../../support/recorder.ts";
import { dialAlone, openAlone, readResponse, serve, settle } from "../../support/serve.ts";

function collecting(messages: (string | Uint8Array)[], rxBufferSize = 65_536): Protocol {
  return {
    name: "collect",
    rxBufferSize,
    callback: handlers({ message: (_wsi, _user, message) => void messages.push(message) }),
  };
}

Deno.test("message gets whole messages, however they are framed and split", async () => {
  const messages: (string | Uint8Array)[] = [];
  await using socket = await openAlone([collecting(messages, 5)]);
  socket.send(
    { opcode: 1, payload: "one" },
    { opcode: 1, payload: "longer than five, with €" },
    { opcode: 1, payload: "frag", fin: false },
    { opcode: 9 },
    { opcode: 0, payload: "", fin: false },
    { opcode: 0, payload: "ments" },
    { opcode: 2, payload: Uint8Array.of(1, 2, 3) },
    { opcode: 2, payload: Uint8Array.of(1, 2, 3, 4, 5, 6, 7), fin: false },
    { opcode: 0, payload: Uint8Array.of(8) },
    { opcode: 1 },
  );
  await settle();
  assertEquals(messages, [
    "one",
    "longer than five, with €",
    "fragments",
    Uint8Array.of(1, 2, 3),
    Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    "",
  ]);
});

Deno.test("a binary message is the program's own, whatever comes after it", async () => {
  const messages: (string | Uint8Array)[] = [];
  await using socket = await openAlone([collecting(messages)]);
  socket.send({ opcode: 2, payload: Uint8Array.of(1) });
  await settle();
  socket.send({ opcode: 2, payload: Uint8Array.of(2) });
  await settle();
  assertEquals(messages, [Uint8Array.of(1), Uint8Array.of(2)]);
});

Deno.test("a byte order mark stays in the text", async () => {
  const messages: (string | Uint8Array)[] = [];
  await using socket = await openAlone([collecting(messages)]);
  socket.send({ opcode: 1, payload: "\ufeffx" });
  await settle();
  assertEquals(messages, ["\ufeffx"]);
});

for (const fragments of [1, 4]) {
  Deno.test(`maxMessageSize passes, one byte more closes with 1009, in ${fragments} frames`, async () => {
    const messages: (string | Uint8Array)[] = [];
    await using served = serve([collecting(messages)], { maxMessageSize: 1000 });
    const inFrames = (length: number) =>
      Array.from({ length: fragments }, (_, i) => ({
        opcode: i === 0 ? 2 : 0,
        fin: i === fragments - 1,
        payload: new Uint8Array(i === 0 ? length - (fragments - 1) : 1),
      }));
    const socket = await served.open();
    socket.send(...inFrames(1000));
    await settle();
    assertEquals(messages.map((each) => each.length), [1000]);
    socket.send(...inFrames(1001), { opcode: 1, payload: "ignored" });
    assertEquals((await socket.receiveClose()).code, 1009);
    assertEquals(messages.length, 1);
  });
}

Deno.test("a message that announces too much is refused before it has come", async () => {
  await using socket = await openAlone([collecting([], 100)], { maxMessageSize: 1000 });
  const { frame, KEY } = await import("../../support/frames.ts");
  socket.peer.send(frame({ opcode: 2, payload: new Uint8Array(5000), key: KEY }).slice(0, 150));
  assertEquals((await socket.receiveClose()).code, 1009);
});

Deno.test("each method gets its reason, with this, and its return value counts", async () => {
  const log: string[] = [];
  const callback = handlers({
    established() {
      log.push(`established ${typeof this.closed}`);
    },
    receive(_wsi, _user, data) {
      log.push(`receive ${data.length}`);
      return -1;
    },
    closed() {
      log.push("closed");
    },
  });
  await using socket = await openAlone([{ name: "x", callback }]);
  socket.send({ opcode: 1, payload: "abc" });
  await socket.peer.readToEnd();
  await settle();
  assertEquals(log, ["established function", "receive 3", "closed"]);
});

Deno.test("without an http method every request is answered 404, and the next one served", async () => {
  await using peer = await dialAlone([{ name: "x", callback: handlers({}) }]);
  for (let i = 0; i < 2; i++) {
    peer.send("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
    assert((await readResponse(peer)).head.startsWith("HTTP/1.1 404 Not Found\r\n"));
  }
  peer.close();
});

Deno.test("message together with receive is refused", () => {
  assertThrows(() => handlers({ message() {}, receive() {} }), LwsError, "message");
  assertThrows(() => handlers({ message() {}, clientReceive() {} }), LwsError, "message");
});

Deno.test("a method whose name is no reason, or that is no function, is refused by name", () => {
  const wrong = { recieve() {}, receive: 1, message: null, closedd: undefined };
  const error = assertThrows(() => handlers(wrong as never), LwsError);
  assertEquals(error.code, "invalid-argument");
  assertEquals(error.message.split("\n"), [
    "handlers: recieve is no reason; allowed: message, and the names of ReasonData; did you mean receive?",
    "handlers: closedd is no reason; allowed: message, and the names of ReasonData; did you mean closed?",
    "handlers: receive is 1; allowed: a function",
    "handlers: message is null; allowed: a function",
  ]);
  for (const none of [undefined, null, 3, "receive"]) {
    assertThrows(() => handlers(none as never), LwsError, "methods");
  }
  handlers({ "user:mine"() {}, closed: undefined } as never);
});

Deno.test("methods may be those of a class, inherited ones as well, which has members of its own", async () => {
  const log: string[] = [];
  class Base {
    established() {
      log.push("established");
    }
  }
  class Chat extends Base {
    readonly name = "chat";
    receive(_wsi: Wsi, _user: unknown, data: Uint8Array) {
      log.push(`${this.name} ${data.length}`);
    }
  }
  await using socket = await openAlone([{ name: "x", callback: handlers(new Chat()) }]);
  socket.send({ opcode: 1, payload: "abc" });
  await settle();
  assertEquals(log, ["established", "chat 3"]);
});

Deno.test("a client's messages come whole, too", async () => {
  const messages: (string | Uint8Array)[] = [];
  const server = record("collect", (wsi, reason, _user, _data) => {
    if (reason !== "established") return;
    wsi.write("a", "text", { fin: false });
    wsi.write("b", "continuation");
  });
  await using served = serve([server.protocol]);
  const client = served.client([collecting(messages)]);
  const wsi = client.clientConnect({ address: "server", port: 80 });
  await server.until("established");
  await settle();
  assertEquals(messages, ["ab"]);
  wsi.close(1000);
});
