/** `closed` says why: each cause on both sides, plain and compressed. */

import { assertEquals } from "@std/assert";
import type { CloseCause, Wsi } from "../../../mod.ts";
import { CLIENT, type Link, SERVER, type SetUpOptions } from "../../conformance/sides.ts";
import { captureLog } from "../../support/recorder.ts";
import { settle } from "../../support/serve.ts";

/** The grain of timeouts, in milliseconds. */
const TICK = 16;

/** What one callback does beside listening. */
type Deed = (wsi: Wsi) => number | void;

/** Ends a connection; whatever needs no time may happen afterwards. */
type End = (link: Link, advance: (ms: number) => Promise<void>) => Promise<void> | void;

interface More extends SetUpOptions {
  /** What the program does with the first message. */
  readonly onMessage?: Deed;
}

function text(payload: string) {
  return { opcode: 1, payload };
}

/** A close frame of the peer with this code. */
function close(code: number) {
  return { opcode: 8, payload: Uint8Array.of(code >> 8, code & 255) };
}

/** The message that the program does something with. */
function go(link: Link) {
  link.send(text("go"));
}

/** By the cause and the code that are told. */
const ENDINGS: Record<string, Record<string, readonly [End, More?]>> = {
  "peer 3001": {
    "the peer's close frame": [(link) => link.send(close(3001))],
    "the peer's close frame, whatever breaks behind it": [async (link) => {
      link.send(close(3001));
      await settle();
      link.peer.reset();
    }],
  },
  "peer 1006": { "the end of the peer's stream": [(link) => link.peer.end()] },
  "self 3002": {
    "wsi.close": [(link) => void link.wsi.close(3002)],
    "wsi.close, which the peer never answers": [async (link, advance) => {
      link.wsi.close(3002);
      await advance(10_000);
    }],
  },
  "self 3003": {
    "a close frame by wsi.write": [
      (link) => void link.wsi.write(Uint8Array.of(0x0b, 0xbb), "close"),
    ],
  },
  "self 1006": {
    "hangupOnClient": [(link) => void link.wsi.context.hangupOnClient(link.wsi.socketFd)],
  },
  "self 3004": {
    "wsi.close in a callback that then asks for the end": [go, {
      onMessage(wsi) {
        wsi.close(3004);
        return -1;
      },
    }],
  },
  "keepAlive 1006": {
    "no answer to any probe": [async (_link, advance) => {
      for (const seconds of [60, 10, 10]) await advance(seconds * 1000 + TICK);
    }, { info: { kaTime: 60, kaProbes: 2, kaInterval: 10 } }],
  },
  "timeout 1006": {
    "wsi.setTimeout": [async (link, advance) => {
      link.wsi.setTimeout("userReason", 5);
      await advance(5_000 + TICK);
    }],
  },
  "unsent 1006": {
    "more than maxUnsentBytes unsent": [async (link) => {
      link.peer.transport.stopReading();
      for (let i = 0; i < 20 && link.wsi.write(noise(20_000), "binary") >= 0; i++) await settle();
    }, { limits: { maxUnsentBytes: 100_000, softUnsentBytes: 10_000 } }],
  },
  "limit 1009": {
    "a frame above maxFramePayload": [
      (link) => link.send(text("x".repeat(101))),
      { limits: { maxFramePayload: 100 } },
    ],
    "a message above maxMessageSize": [(link) => {
      link.send({ ...text("x".repeat(80)), fin: false }, { opcode: 0, payload: "x".repeat(80) });
    }, { limits: { maxMessageSize: 100 } }],
  },
  "limit 1008": {
    "too many empty fragments": [(link) => {
      link.send({ ...text(""), fin: false });
      for (let i = 0; i < 1100; i++) link.send({ opcode: 0, fin: false, payload: "" });
    }],
  },
  "protocol 1002": {
    "an opcode that doesn't exist": [(link) => link.send({ opcode: 3, payload: "" })],
    "a close frame of half a code": [(link) => link.send({ opcode: 8, payload: Uint8Array.of(3) })],
  },
  "protocol 1007": {
    "text that is not UTF-8": [(link) => link.send({ opcode: 1, payload: Uint8Array.of(0xff) })],
  },
  "reset 1006": { "a reset": [(link) => link.peer.reset()] },
  "callback 1006": { "the number that a callback returns": [go, { onMessage: () => -1 }] },
  "callback 1011": {
    "a callback that throws": [go, {
      onMessage() {
        throw new Error("thrown on purpose");
      },
    }],
  },
  "destroy 1001": {
    "context.destroy": [(link) => void link.wsi.context.destroy()],
    "context.destroy whose grace ends": [async (link, advance) => {
      void link.wsi.context.destroy({ graceMs: 1_000 });
      await advance(1_000 + TICK);
    }],
  },
};

const rows = Object.entries(ENDINGS).flatMap(([told, endings]) => {
  const [cause, code] = told.split(" ");
  return Object.entries(endings).map(([what, [end, more = {}]]) =>
    [what, cause as CloseCause, Number(code), end, more] as const
  );
});

/** Bytes that don't get shorter by compression. */
function noise(length: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(length));
}

for (const side of [SERVER, CLIENT]) {
  for (const coding of ["plain", "compressed"] as const) {
    for (const [what, cause, code, end, { onMessage, ...options }] of rows) {
      Deno.test(`${what} ends a ${coding} ${side.name} connection with the cause "${cause}"`, async () => {
        using _log = captureLog([]);
        await using house = side.setUp({
          ...options,
          ...(coding === "compressed" ? { deflate: "agreed" } : {}),
          on(wsi, reason) {
            if (reason === "receive" || reason === "clientReceive") return onMessage?.(wsi);
          },
        });
        const link = await house.open();
        await end(link, async (ms) => {
          await settle();
          house.clock.advance(ms);
          await settle();
        });
        await settle();
        link.peer.transport.startReading();
        link.peer.close();
        await settle();
        assertEquals(link.heard.closes.map((info) => [info.cause, info.code]), [[cause, code]]);
      });
    }
  }

  Deno.test(`what doesn't inflate ends a ${side.name} connection with the cause "protocol"`, async () => {
    await using link = await side.open({ deflate: "agreed" });
    link.send({ opcode: 1, rsv: 4, payload: Uint8Array.of(0xff, 0xff, 0xff) });
    await link.assertFailed(1007);
    assertEquals(link.heard.closes[0]!.cause, "protocol");
  });

  Deno.test(`what inflates past maxMessageSize ends a ${side.name} connection with the cause "limit"`, async () => {
    await using link = await side.open({ deflate: "agreed", limits: { maxMessageSize: 1000 } });
    const stream = new Blob([new Uint8Array(5000)]).stream();
    const deflated = stream.pipeThrough(new CompressionStream("deflate-raw"));
    const payload = new Uint8Array(await new Response(deflated).arrayBuffer());
    link.send({ opcode: 2, rsv: 4, payload });
    await link.assertFailed(1009);
    assertEquals(link.heard.closes[0]!.cause, "limit");
  });
}
