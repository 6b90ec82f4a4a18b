/** A protocol as one flat object. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  type CloseInfo,
  handlers,
  LwsError,
  type Protocol,
  protocol,
  type Wsi,
} from "../../../mod.ts";
import { captureLog } from "../../support/recorder.ts";
import {
  handshake,
  openAlone,
  readHead,
  readResponse,
  serve,
  settle,
} from "../../support/serve.ts";

Deno.test("open, message and close come on servers, each with the user of its connection", async () => {
  const told: string[] = [];
  const chat = protocol({
    name: "chat",
    path: "/chat/:room",
    perSessionData: () => ({ nick: "", lines: 0 }),
    open(wsi, user, tls) {
      user.nick = `guest of ${wsi.pathParams.room}`;
      told.push(`open ${wsi.isClient} ${user.nick} ${tls}`);
    },
    message(wsi, user, data) {
      wsi.write(`${user.nick} said ${data} as line ${++user.lines}`);
    },
    close(_wsi, user, info) {
      told.push(`close ${user.lines} ${info.code} ${info.reason} ${info.cause}`);
    },
  });
  await using served = serve([chat]);
  const sockets = [
    await served.open({ path: "/chat/kitchen" }),
    await served.open({ path: "/chat/attic" }),
  ];
  for (const [i, room] of ["kitchen", "attic"].entries()) {
    sockets[i]!.send({ opcode: 1, payload: "hello" });
    assertEquals(await sockets[i]!.receiveText(), `guest of ${room} said hello as line 1`);
  }
  sockets[0]!.send({ opcode: 8, payload: Uint8Array.of(0x0b, 0xb8, 0x62, 0x79, 0x65) });
  await sockets[0]!.receiveClose();
  await sockets[0]!.peer.readToEnd();
  sockets[0]!.peer.close();
  await settle();
  assertEquals(told, [
    "open false guest of kitchen undefined",
    "open false guest of attic undefined",
    "close 1 3000 bye peer",
  ]);
});

Deno.test("open, message, drain and close come on clients as well", async () => {
  const told: string[] = [];
  const end = Promise.withResolvers<CloseInfo>();
  const server = protocol({ name: "echo", message: (wsi, _user, text) => void wsi.write(text) });
  const client = protocol({
    name: "echo",
    perSessionData: () => 7,
    open(wsi) {
      told.push(`open ${wsi.isClient}`);
      wsi.callbackOnWritable();
    },
    drain(wsi) {
      told.push("drain");
      wsi.write("hello");
    },
    message(wsi, _user, text) {
      told.push(`message ${text}`);
      wsi.close(3001);
    },
    close: (_wsi, _user, info) => end.resolve(info),
  });
  await using served = serve([server]);
  served.client([client]).clientConnect({ address: "memory", port: 80, protocol: "echo" });
  assertEquals((await end.promise).code, 3001);
  assertEquals(told, ["open true", "drain", "message hello"]);
});

Deno.test("methods stand beside each other by the names of all reasons, and may be several's", async () => {
  const told: string[] = [];
  await using served = serve([protocol({
    name: "mixed",
    protocolInit: () => void told.push("protocolInit"),
    http: (wsi, _user, path) => wsi.respond(200, `you asked for ${path}`),
    filterProtocolConnection: (wsi) => wsi.uri === "/no" ? 1 : 0,
    receivePing: (_wsi, _user, payload) => void told.push(`ping of ${payload.length}`),
    "user:mine": () => void told.push("user:mine"),
    open: () => void told.push("open"),
  })]);
  const socket = await served.open();
  socket.send({ opcode: 9, payload: "abc" });
  assertEquals((await socket.receive()).opcode, 10);
  served.context.callbackAllProtocol("mixed", "user:mine");
  assertEquals(told, ["protocolInit", "open", "ping of 3", "user:mine"]);
  const peer = await served.dial("GET /page HTTP/1.1\r\nHost: x\r\n\r\n");
  assertEquals((await readResponse(peer)).body, "you asked for /page");
});

Deno.test("without an http method requests are answered 404", async () => {
  await using served = serve([protocol({ name: "x" })]);
  const peer = await served.dial("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  assertStringIncludes((await readResponse(peer)).head, "404 Not Found");
});

Deno.test("methods have their object as this, which may be an instance of a class", async () => {
  class Named {
    constructor(readonly name: string) {}
    perSessionData() {
      return { of: this.name };
    }
  }
  class Chat extends Named {
    readonly path = "/here";
    readonly helper = "no member of a protocol";
    open(wsi: Wsi, user: { of: string }) {
      wsi.write(`${this.name} ${user.of} ${this.path}`);
    }
  }
  await using served = serve([protocol(new Chat("chat"))]);
  const socket = await served.open({ path: "/here" });
  assertEquals(await socket.receiveText(), "chat chat /here");
  const plain = protocol({
    name: "plain",
    perSessionData: () => 0,
    open(wsi) {
      wsi.write(`${typeof this.close}`);
    },
    close() {},
  });
  await using second = await openAlone([plain]);
  assertEquals(await second.receiveText(), "function");
});

Deno.test("the protocol is a plain frozen object that has all members but methods", () => {
  const user = { any: "thing" };
  const made = protocol({
    name: "chat",
    path: "/chat",
    perSessionData: 16,
    rxBufferSize: 100,
    id: 7,
    user,
    allowedOrigins: ["*"],
    open() {},
  });
  const { callback, ...rest } = made;
  assertEquals(rest, {
    name: "chat",
    path: "/chat",
    perSessionData: 16,
    rxBufferSize: 100,
    id: 7,
    user,
    allowedOrigins: ["*"],
  });
  assertEquals(typeof callback, "function");
  assertEquals(Object.isFrozen(made), true);
  assertEquals(Object.keys(protocol({ name: "bare" })), ["name", "callback"]);
});

Deno.test("perSessionData may be a number of bytes", async () => {
  const counting = protocol({
    name: "bytes",
    perSessionData: 8,
    open: (wsi, user) => void wsi.write(`${user.byteLength}`),
  });
  await using socket = await openAlone([counting]);
  assertEquals(await socket.receiveText(), "8");
});

Deno.test("a method that is given twice, by both of its names, is refused by both", () => {
  const pairs: [everyday: string, reasons: string[], takes: string][] = [
    ["open", ["established", "clientEstablished"], "established and clientEstablished"],
    ["close", ["closed"], "closed"],
    ["drain", ["serverWriteable", "clientWriteable"], "serverWriteable and clientWriteable"],
    ["message", ["receive", "clientReceive"], "receive and clientReceive"],
  ];
  for (const [everyday, reasons, takes] of pairs) {
    for (const reason of reasons) {
      for (const names of [[everyday, reason], [reason, everyday]]) {
        const methods = Object.fromEntries(names.map((name) => [name, () => {}]));
        const error = assertThrows(() => protocol({ name: "x", ...methods } as never), LwsError);
        assertEquals(error.code, "invalid-argument");
        assertEquals(
          error.message,
          `protocol: ${everyday} takes the place of ${takes}: it can't stand beside ${reason}`,
        );
      }
    }
  }
});

Deno.test("members of other names, and methods that are none, are refused by name", () => {
  const wrong = { name: "x", opne() {}, message: 3, path: "/", closed: null, perSession: 1 };
  const error = assertThrows(() => protocol(wrong as never), LwsError);
  assertEquals(error.code, "invalid-argument");
  const lines = error.message.split("\n");
  assertEquals(lines.length, 4);
  assertStringIncludes(
    lines[0]!,
    "protocol: opne is no member; allowed: upgrade, open, message, drain, ",
  );
  assertStringIncludes(lines[0]!, "perSessionData");
  assertStringIncludes(lines[0]!, "; did you mean open?");
  assertStringIncludes(lines[1]!, "protocol: perSession is no member");
  assertEquals(lines.slice(2), [
    "protocol: message is 3; allowed: a function",
    "protocol: closed is null; allowed: a function",
  ]);
  for (const none of [undefined, null, 3, "chat"]) {
    assertThrows(() => protocol(none as never), LwsError, "protocol: definition is");
  }
  class WithCallback {
    name = "x";
    callback() {}
  }
  for (const given of [{ name: "x", callback() {} }, new WithCallback()]) {
    assertThrows(() => protocol(given as never), LwsError, "protocol: callback is a function; ");
  }
});

Deno.test("the everyday names are none of handlers'", () => {
  for (const name of ["open", "close", "drain"]) {
    const error = assertThrows(() => handlers({ [name]() {} } as never), LwsError);
    assertStringIncludes(error.message, `${name} is no reason`);
  }
});

Deno.test("what a method returns counts as in handlers, and the log has its everyday name", async () => {
  using captured = captureLog(["warn", "notice"]);
  const ended = Promise.withResolvers<CloseInfo>();
  await using served = serve([protocol({
    name: "x",
    open: () => true as never,
    message: () => -1,
    close: (_wsi, _user, info) => ended.resolve(info),
  })]);
  const socket = await served.open();
  socket.send({ opcode: 1, payload: "x" });
  await socket.peer.readToEnd();
  socket.peer.close();
  assertEquals((await ended.promise).cause, "callback");
  assertEquals(captured.lines, [
    "warn: protocol: open returned true, which counts as 0; allowed: nothing, 0, −1",
    "notice: connection 1: message returned -1, which closes it",
  ]);
});

Deno.test("what protocol makes goes wherever a protocol does", async () => {
  const made: Protocol<{ n: number }> = protocol({
    name: "made",
    perSessionData: () => ({ n: 1 }),
    open: (wsi, user) => void wsi.write(`${user.n}`),
  });
  await using served = serve([made]);
  const socket = await served.open();
  assertEquals(await socket.receiveText(), "1");
  assertEquals([...served.context.connections(made)].length, 1);
});

Deno.test("a method that returns what subscribe and publish promise is no line in the log", async () => {
  using captured = captureLog(["warn", "err"]);
  await using served = serve([protocol({
    name: "x",
    open: (wsi) => wsi.subscribe("news"),
    message: (wsi, _user, data) => wsi.context.publish("news", data),
  })]);
  const socket = await served.open();
  socket.send({ opcode: 1, payload: "hello" });
  assertEquals(await socket.receiveText(), "hello");
  assertEquals(captured.lines, []);
});

Deno.test("a subscription that is refused costs the connection whose method has returned it", async () => {
  using captured = captureLog(["err"]);
  await using served = serve([protocol({ name: "x", open: (wsi) => wsi.subscribe("") })]);
  const socket = await served.open();
  await socket.peer.readToEnd();
  assertStringIncludes(captured.lines[0]!, "subscribe: topic is ");
});

Deno.test("names of other libraries' methods are refused with the ones that are meant", () => {
  for (const [given, meant] of [["pong", "receivePong"], ["verifyClient", "upgrade"]] as const) {
    const wrong = { name: "x", [given]() {} };
    const error = assertThrows(() => protocol(wrong as never), LwsError);
    assertStringIncludes(error.message, `; did you mean ${meant}?`);
  }
  const none = assertThrows(() => handlers({ verifyClient() {} } as never), LwsError);
  assert(!none.message.includes("upgrade"), none.message);
});

Deno.test("the log names methods as the program wrote them", async () => {
  using log = captureLog(["err", "notice", "info"]);
  await using served = serve([
    protocol({
      name: "chat",
      upgrade: (request) => request.url.search === "?no" ? false as never : undefined,
      message: (_wsi, _user, data) => {
        if (`${data}` === "throw") throw new Error("on purpose");
        return -1;
      },
    }),
  ]);
  const peer = await served.dial(handshake({ path: "/?no" }));
  await readHead(peer);
  peer.close();
  for (const payload of ["throw", "end"]) {
    const socket = await served.open();
    socket.send({ opcode: 1, payload });
    await settle();
    socket.peer.close();
    await settle();
  }
  assertEquals(log.lines.map((line) => line.split("\n")[0]), [
    "notice: connection 1: upgrade returned 1, which closes it",
    "info: connection 1: 403 upgrade refused it",
    "err: chat: message threw: Error: on purpose",
    "notice: connection 3: message returned -1, which closes it",
  ]);
});
