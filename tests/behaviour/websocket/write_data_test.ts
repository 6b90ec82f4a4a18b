/** What may be written: any buffer or view, as the bytes that it has, and nothing else. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import type { Extension, Protocol, Wsi } from "../../../mod.ts";
import {
  allocPadded,
  connectBroadcast,
  createContext,
  deflateStream,
  handlers,
  LwsError,
  permessageDeflate,
  prepareMessage,
  remoteContext,
} from "../../../mod.ts";
import { PreparedMessage } from "../../../src/connection/prepared_message.ts";
import { flip } from "../../support/extensions.ts";
import { badBytes, goodBytes, trueBytes } from "../../support/odd_data.ts";
import { captureLog } from "../../support/recorder.ts";
import { readHead, serve, type Served, settle } from "../../support/serve.ts";
import { named } from "../../support/named.ts";

// deno-lint-ignore no-explicit-any -- what the compiler would refuse is what is tested
type Loose = any;

/** Both ends of one connection; what comes is kept. */
interface Pair {
  readonly served: Served;
  /** The end that writes, and what the other one hears: messages, pings and pongs. */
  readonly writer: Wsi;
  readonly heard: [kind: string, bytes: Uint8Array][];
}

async function pair(side: "server" | "client", extensions: readonly Extension[]): Promise<Pair> {
  const heard: [string, Uint8Array][] = [];
  const encoder = new TextEncoder();
  let writer: Wsi | undefined;
  const keep = (kind: string) => (_wsi: Wsi, _user: unknown, bytes: Uint8Array) =>
    void heard.push([kind, bytes.slice()]);
  const message = (_wsi: Wsi, _user: unknown, data: string | Uint8Array) =>
    void heard.push(
      typeof data === "string" ? ["text", encoder.encode(data)] : ["binary", data.slice()],
    );
  const callback = handlers({
    established: (wsi) => {
      if (side === "server") writer = wsi;
    },
    clientEstablished: (wsi) => {
      if (side === "client") writer = wsi;
    },
    message,
    receivePing: keep("ping"),
    receivePong: keep("pong"),
    clientReceivePing: keep("ping"),
    clientReceivePong: keep("pong"),
  });
  const protocols = [{ name: "data", callback }];
  const served = serve(protocols, { extensions });
  served.client(protocols, { extensions }).clientConnect({ address: "memory", port: 80 });
  for (let i = 0; i < 20 && writer === undefined; i++) await settle();
  return { served, writer: writer!, heard };
}

const STACKS: readonly [name: string, extensions: () => readonly Extension[]][] = [
  ["plain", () => []],
  ["permessage-deflate", () => [permessageDeflate({ threshold: 0 })]],
  ["a callback extension", () => [flip()]],
  ["deflate-stream", () => [deflateStream()]],
];

for (const side of ["server", "client"] as const) {
  for (const [name, extensions] of STACKS) {
    Deno.test(`a ${side} with ${name} writes the bytes of every buffer and view, whatever it says of itself`, async () => {
      const { served, writer, heard } = await pair(side, extensions());
      await using _served = served;
      for (const kind of [undefined, "text", "binary", "ping", "pong"] as const) {
        for (const [what, data] of goodBytes()) {
          const bytes = trueBytes(data);
          const isText = kind === "text" && bytes.some((byte) => byte > 127);
          const isLong = (kind === "ping" || kind === "pong") && bytes.length > 125;
          if (isText || isLong) continue;
          heard.length = 0;
          assertEquals(writer.write(data, kind), bytes.length, what);
          await settle();
          const expected = [kind ?? "binary", bytes] as [string, Uint8Array];
          // The answer to a ping comes back to the writer.
          assertEquals(heard[0], expected, `${what} as ${kind}`);
        }
      }
      heard.length = 0;
      writer.write(new Uint16Array([1, 2]), "binary", { fin: false });
      writer.write(new DataView(new ArrayBuffer(3)), "continuation", { fin: false });
      writer.write(new SharedArrayBuffer(1), "continuation");
      await settle();
      assertEquals(heard, [["binary", new Uint8Array([1, 0, 2, 0, 0, 0, 0, 0])]]);
    });

    Deno.test(`a ${side} with ${name} refuses what has no bytes, and queues nothing`, async () => {
      const { served, writer, heard } = await pair(side, extensions());
      await using _served = served;
      // What lies in used chunks must not be what leaves.
      writer.write("secret ".repeat(1_000));
      await settle();
      for (const kind of [undefined, "text", "binary", "ping", "pong", "close"] as const) {
        for (const [what, data] of badBytes()) {
          for (const options of [undefined, { fin: true }, { compress: true }]) {
            const error = assertThrows(() => writer.write(data as Loose, kind, options), LwsError);
            assertEquals(error.code, "invalid-argument", what);
            assertStringIncludes(error.message, "write", what);
            assertEquals(writer.unsentBytes, 0, what);
          }
        }
      }
      heard.length = 0;
      writer.write("begun", "text", { fin: false });
      for (const [what, data] of badBytes()) {
        const error = assertThrows(() => writer.write(data as Loose, "continuation"), LwsError);
        assertEquals(error.code, "invalid-argument", what);
      }
      writer.write(" and ended", "continuation");
      await settle();
      assertEquals(heard, [["text", new TextEncoder().encode("begun and ended")]]);
    });
  }
}

Deno.test("a prepared message is made of the bytes of every buffer and view, and of nothing else", async () => {
  for (const side of ["server", "client"] as const) {
    const { served, writer, heard } = await pair(side, [permessageDeflate({ threshold: 0 })]);
    await using _served = served;
    for (const [what, data] of goodBytes()) {
      heard.length = 0;
      const message = prepareMessage(data);
      assertEquals(message.byteLength, trueBytes(data).length, what);
      assertEquals(writer.write(message), message.byteLength);
      await settle();
      assertEquals(heard, [["binary", trueBytes(data)]], what);
    }
    for (const [what, data] of badBytes()) {
      for (const make of [prepareMessage, (each: Loose) => new PreparedMessage("text", each)]) {
        const error = assertThrows(() => make(data as Loose), LwsError);
        assertEquals(error.code, "invalid-argument", what);
      }
    }
  }
});

Deno.test("HTTP kinds write the bytes of every buffer and view, and refuse everything else", async () => {
  let data: Loose;
  const results: unknown[] = [];
  await using served = serve([named("http", {
    http(wsi) {
      for (const kind of ["httpHeaders", "http", "httpFinal"] as const) {
        for (const [what, bad] of badBytes()) {
          const error = assertThrows(
            () => wsi.write(bad as Loose, kind),
            LwsError,
            undefined,
            what,
          );
          assertEquals([error.code, wsi.unsentBytes], ["invalid-argument", 0], what);
        }
      }
      wsi.writeHttpHeaders(200, [["content-length", String(trueBytes(data).length)]]);
      results.push(wsi.write(data, "http"));
      return wsi.httpTransactionCompleted();
    },
  })]);
  for (const [what, each] of goodBytes()) {
    data = each;
    const peer = await served.dial("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await readHead(peer);
    const bytes = trueBytes(each);
    assertEquals(await peer.readBytes(bytes.length), bytes, what);
    assertEquals(results.pop(), bytes.length, what);
    peer.close();
  }
});

/** A protocol whose connections keep what is broadcast. */
function hearing(): { protocol: Protocol; heard: Uint8Array[] } {
  const heard: Uint8Array[] = [];
  const callback = handlers({ broadcast: (_wsi, _user, data) => void heard.push(data.slice()) });
  return { protocol: { name: "news", callback }, heard };
}

Deno.test("broadcasts of all kinds give the bytes of every buffer and view, and refuse everything else", async () => {
  const { protocol, heard } = hearing();
  await using served = serve([protocol], { broadcastSockets: true });
  await served.open();
  const { context, network } = served;
  using remote = remoteContext(context.openPort());
  const { broadcastSocketPort: port, broadcastToken: token } = context.protocols[0]!;
  await using sender = await connectBroadcast({ port, token, network });
  const ways: ((data: Loose) => unknown)[] = [
    (data) => context.broadcast("news", data),
    (data) => remote.broadcast("news", data),
    (data) => sender.broadcast(data),
  ];
  for (const broadcast of ways) {
    for (const [what, data] of badBytes()) {
      const error = await assertRejects(async () => await broadcast(data), LwsError);
      assertEquals(error.code, "invalid-argument", what);
      assertStringIncludes(error.message, "broadcast: data is ");
    }
    for (const [what, data] of goodBytes()) {
      heard.length = 0;
      await broadcast(data);
      while (heard.length === 0) await new Promise((resolve) => setTimeout(resolve));
      assertEquals(heard, [trueBytes(data)], what);
    }
  }
});

Deno.test("an extension that makes no bytes of a message ends its connection, and nothing of it leaves", async () => {
  for (const unit of ["message", "frame", "stream"] as const) {
    using log = captureLog();
    let made: unknown;
    const session = {
      unit,
      reservedBits: 0,
      sharedKey: undefined,
      encode: () => made as Uint8Array,
      encodeShared: () => undefined,
      sentShared() {},
      push() {},
      read: () => 0,
      close() {},
    };
    const odd: Extension = {
      name: "x-odd",
      accept: () => ({ answer: "x-odd", session }),
      offer: () => "x-odd",
      confirm: () => session,
      close() {},
    };
    const all: Wsi[] = [];
    const callback = handlers({ established: (wsi) => void all.push(wsi) });
    await using served = serve([{ name: "data", callback }], { extensions: [odd] });
    for (const [, each] of badBytes().filter(([, bad]) => bad !== undefined)) {
      made = undefined;
      const socket = await served.open({ headers: ["Sec-WebSocket-Extensions: x-odd"] });
      made = each;
      assertEquals(all.at(-1)!.write("text"), -1);
      // A stream has no way to say why.
      const said = unit === "stream" ? [] : [0x88, 2, 1011 >> 8, 1011 & 255];
      assertEquals([...await socket.peer.readBytes(said.length)], said, unit);
      socket.peer.close();
    }
    assert(log.lines.every((line) => line.includes("data is")));
  }
});

Deno.test("allocPadded and the kind of a prepared message are refused by name", () => {
  for (const length of [-1, 1.5, NaN, Infinity, "5", 5n, null, undefined, {}]) {
    const error = assertThrows(() => allocPadded(length as Loose), LwsError);
    assert(error.message.startsWith("allocPadded: length is "), error.message);
  }
  for (const kind of ["ping", 5n, Symbol("text"), null, Object.create(null)]) {
    const error = assertThrows(() => prepareMessage("x", kind as Loose), LwsError);
    assert(error.message.startsWith("prepareMessage: kind is "), error.message);
  }
});

Deno.test("a payload in the place of the kind is not shown whole", async () => {
  const { served, writer } = await pair("server", []);
  await using _served = served;
  const text = "begin ".repeat(10_000);
  const { message } = assertThrows(() => writer.write("binary", text as Loose), LwsError);
  assertStringIncludes(message, 'kind is "begin ');
  assertStringIncludes(message, "of 60000 characters");
  assert(message.length < 1_000);
});

Deno.test("the compiler takes strings, views, buffers and prepared messages, and no array or number", () => {
  const check = (wsi: Wsi, context: ReturnType<typeof createContext>) => {
    for (const data of [new BigUint64Array(1), new DataView(new ArrayBuffer(1)), "text"]) {
      wsi.write(data, "binary");
      wsi.write(prepareMessage(data));
      context.broadcast("x", data);
    }
    wsi.write(new ArrayBuffer(1));
    wsi.write(new SharedArrayBuffer(1));
    // @ts-expect-error: no array
    wsi.write([1, 2, 3]);
    // @ts-expect-error: no number
    prepareMessage(3);
    // @ts-expect-error: what has a length is no view
    context.broadcast("x", { length: 3 });
  };
  assertEquals(typeof check, "function");
});
