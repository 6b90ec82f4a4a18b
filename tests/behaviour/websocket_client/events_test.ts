/** Events: their order and their tasks, handler attributes, and what they carry; by the web platform tests. */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { handlers, type Protocol } from "../../../mod.ts";
import { WebSocket } from "../../../src/websocket_client/mod.ts";
import { concat, frame } from "../../support/frames.ts";
import { readFrame, settle } from "../../support/serve.ts";
import { finish, next, openSocket, play, stand, story } from "./standard_socket.ts";

const NAMES = ["onopen", "onmessage", "onerror", "onclose", "onping", "onpong"] as const;

/** A socket that never connects. */
async function loose(use: (socket: WebSocket) => void): Promise<void> {
  await using side = play();
  const socket = new WebSocket("ws://server.example.com/", side.way);
  use(socket);
  await finish(socket);
}

Deno.test("a handler attribute gives back what was set, and null for what is no object", async () => {
  // interfaces/WebSocket/events/006 to 012
  await loose((socket) => {
    for (const name of NAMES) {
      assert(name in socket);
      const handler = () => {};
      socket[name] = handler;
      assertStrictEquals(socket[name], handler);
      for (const none of [undefined, null, 1, ";", true]) {
        socket[name] = handler;
        Object.assign(socket, { [name]: none });
        assertStrictEquals(socket[name], null, `${none}`);
      }
    }
  });
});

Deno.test("an object with handleEvent is kept as a handler, and never called", async () => {
  // interfaces/WebSocket/events/013
  await loose((socket) => {
    for (const name of NAMES) {
      const handler = {
        handleEvent() {
          throw new Error("called");
        },
      };
      Object.assign(socket, { [name]: handler });
      assertStrictEquals<unknown>(socket[name], handler);
      socket.dispatchEvent(new Event(name.slice(2)));
      socket[name] = null;
    }
  });
});

Deno.test("a handler takes its turn among listeners when it is first set, keeps it when replaced, and loses it with null", async () => {
  // interfaces/WebSocket/events/016
  await loose((socket) => {
    const heard: string[] = [];
    const note = (name: string) => () => void heard.push(name);
    socket.addEventListener("open", note("a"));
    socket.onopen = note("first");
    socket.addEventListener("open", note("b"));
    socket.onopen = note("second");
    socket.dispatchEvent(new Event("open"));
    assertEquals(heard.splice(0), ["a", "second", "b"]);
    socket.onopen = null;
    socket.dispatchEvent(new Event("open"));
    assertEquals(heard.splice(0), ["a", "b"]);
    socket.onopen = note("third");
    socket.dispatchEvent(new Event("open"));
    assertEquals(heard, ["a", "b", "third"]);
  });
});

Deno.test("a handler's this is the socket, and false cancels what can be cancelled", async () => {
  // interfaces/WebSocket/events/015
  await loose((socket) => {
    let self: unknown;
    socket.onclose = function () {
      self = this;
      return false;
    };
    const event = new Event("close", { cancelable: true });
    socket.dispatchEvent(event);
    assertStrictEquals(self, socket);
    assertEquals(event.defaultPrevented, true);
    socket.onclose = null;
  });
});

Deno.test("each event has a task of its own: promises' work of one is done before the next", async () => {
  const chatty: Protocol = {
    name: "p",
    callback: handlers({
      established: (wsi) => {
        for (const text of ["1", "2", "3"]) wsi.write(text);
        wsi.close(1000, "that was all");
      },
    }),
  };
  await using side = stand([chatty]);
  const socket = new WebSocket("ws://server.example.com/", side.way);
  const lines: string[] = [];
  for (const type of ["open", "message", "close"] as const) {
    socket.addEventListener(type, async (event: Event) => {
      lines.push((event as MessageEvent).data ?? type);
      for (let i = 0; i < 20; i++) await Promise.resolve();
      lines.push("then");
    });
  }
  await next(socket, "close");
  await settle();
  assertEquals(lines, ["open", "then", "1", "then", "2", "then", "3", "then", "close", "then"]);
});

Deno.test("awaiting error leaves time to await close", async () => {
  await using side = play();
  const socket = new WebSocket("ws://server.example.com:9/", side.way);
  await next(socket, "error");
  const { code, wasClean } = await next<CloseEvent>(socket, "close");
  assertEquals([code, wasClean, socket.readyState], [1006, false, 3]);
});

Deno.test("messages carry text, Blob or ArrayBuffer, and the server's origin", async () => {
  // interfaces/WebSocket/events/018, binary/001 to 005
  await using side = stand();
  const socket = await openSocket(side.way, "ws://x/?a");
  const echoed = async (data: string | Uint8Array) => {
    const heard = next<MessageEvent>(socket, "message");
    socket.send(data);
    return await heard;
  };
  const text = await echoed("grün");
  assert(text instanceof MessageEvent);
  assertEquals([text.data, text.origin, text.lastEventId], ["grün", "ws://x", ""]);
  assertEquals([text.bubbles, text.cancelable, text.ports], [false, false, []]);
  const bytes = new Uint8Array([1, 2, 3]);
  const { data: blob } = await echoed(bytes);
  assert(blob instanceof Blob);
  assertEquals(await blob.bytes(), bytes);
  socket.binaryType = "arraybuffer";
  const { data: buffer } = await echoed(bytes);
  assert(buffer instanceof ArrayBuffer);
  assertEquals(new Uint8Array(buffer), bytes);
  const { data: empty } = await echoed("");
  assertEquals(empty, "");
  await finish(socket);
});

Deno.test("binaryType counts as it is when the event comes", async () => {
  await using side = stand();
  const socket = await openSocket(side.way);
  const kinds: string[] = [];
  socket.onmessage = ({ data }) => {
    kinds.push(data.constructor.name);
    socket.binaryType = "arraybuffer";
  };
  socket.send(new Uint8Array(2));
  socket.send(new Uint8Array(2));
  socket.send("end");
  while (kinds.length < 3) await next(socket, "message");
  assertEquals(kinds, ["Blob", "ArrayBuffer", "String"]);
  await finish(socket);
});

Deno.test("pings and pongs are events, and ping sends one", async () => {
  const asked: string[] = [];
  const pinging: Protocol = {
    name: "p",
    callback: handlers({
      established: (wsi) => void wsi.write("are you there", "ping"),
      receivePing: (_wsi, _user, payload) => void asked.push(new TextDecoder().decode(payload)),
    }),
  };
  await using side = stand([pinging]);
  const socket = new WebSocket("ws://a/", side.way);
  const decode = ({ data }: MessageEvent) => new TextDecoder().decode(data);
  assertEquals(decode(await next<MessageEvent>(socket, "ping")), "are you there");
  const answers: string[] = [];
  socket.onpong = (event) => answers.push(decode(event));
  socket.ping("one");
  socket.ping(new TextEncoder().encode("two"));
  socket.ping();
  while (answers.length < 3) await next(socket, "pong");
  assertEquals(answers, ["one", "two", ""]);
  assertEquals(asked, ["one", "two", ""]);
  await finish(socket);
  socket.ping("late"); // nothing
});

Deno.test("a throw in a listener is reported, and the next event comes all the same", async () => {
  await using side = stand();
  const socket = await openSocket(side.way);
  const reported: string[] = [];
  const onReport = (event: ErrorEvent) => {
    event.preventDefault();
    reported.push(event.message);
  };
  addEventListener("error", onReport);
  try {
    const told = story(socket);
    socket.onmessage = () => {
      throw new Error("by the program");
    };
    socket.send("1");
    socket.send("2");
    while (told.length < 2) await next(socket, "message");
    assertEquals(told, ["message 1", "message 2"]);
    assertEquals(reported.length, 2);
    await finish(socket);
  } finally {
    removeEventListener("error", onReport);
  }
});

Deno.test("a program that is slow with its messages stops the server, and loses none", async () => {
  const size = 64 * 1024;
  let sent = 0;
  const flood: Protocol = {
    name: "p",
    callback: handlers({
      established: (wsi) => void wsi.callbackOnWritable(),
      serverWriteable(wsi) {
        while (sent < 200 && !wsi.partialBuffered) {
          wsi.write(new Uint8Array(size).fill(sent++));
        }
        if (sent < 200) wsi.callbackOnWritable();
        else wsi.close(1000);
      },
    }),
  };
  await using side = stand([flood]);
  const socket = await openSocket(side.way);
  socket.binaryType = "arraybuffer";
  let heard = 0;
  socket.onmessage = ({ data }) => {
    const bytes = new Uint8Array(data);
    assertEquals([bytes.length, bytes[0]], [size, heard++ & 255]);
  };
  const { code, wasClean } = await next<CloseEvent>(socket, "close");
  assertEquals([heard, code, wasClean], [200, 1000, true]);
});

Deno.test("no more than about a MiB is taken of a server before the program was told of it", async () => {
  const [count, size] = [100, 64 * 1024];
  await using side = play();
  const opening = openSocket(side.way);
  const { peer } = await side.open();
  const socket = await opening;
  let heard = 0;
  socket.onmessage = () => void heard++;
  const message = frame({ opcode: 2, payload: new Uint8Array(size) });
  peer.send(concat(...new Array(count).fill(message), frame({ opcode: 9, payload: "behind" })));
  // The connection answers a ping as soon as it has read it.
  const { opcode } = await readFrame(peer);
  assertEquals(opcode, 10);
  assert(heard >= count - 1.5 * 1024 * 1024 / size, `${heard} were told`);
  while (heard < count) await next(socket, "message");
  const closed = next(socket, "close");
  socket.close();
  peer.send(new Uint8Array([0x88, 0]));
  peer.end();
  await closed;
});
