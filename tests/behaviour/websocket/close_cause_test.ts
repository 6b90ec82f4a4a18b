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

interface Ending {
  readonly what: string;
  readonly cause: CloseCause;
  readonly code: number;
  readonly options?: SetUpOptions;
  /** What the program does with the first message. */
  readonly onMessage?: Deed;
  /** Ends it; whatever needs no time may happen afterwards. */
  end(link: Link, advance: (ms: number) => Promise<void>): Promise<void> | void;
}

function text(payload: string) {
  return { opcode: 1, payload };
}

/** A close frame of the peer with this code. */
function close(code: number) {
  return { opcode: 8, payload: Uint8Array.of(code >> 8, code & 255) };
}

const ENDINGS: readonly Ending[] = [
  {
    what: "the peer's close frame",
    cause: "peer",
    code: 3001,
    end: (link) => link.send(close(3001)),
  },
  {
    what: "the peer's close frame, whatever breaks behind it",
    cause: "peer",
    code: 3001,
    async end(link) {
      link.send(close(3001));
      await settle();
      link.peer.reset();
    },
  },
  {
    what: "the end of the peer's stream",
    cause: "peer",
    code: 1006,
    end: (link) => link.peer.end(),
  },
  { what: "wsi.close", cause: "self", code: 3002, end: (link) => void link.wsi.close(3002) },
  {
    what: "wsi.close, which the peer never answers",
    cause: "self",
    code: 3002,
    async end(link, advance) {
      link.wsi.close(3002);
      await advance(10_000);
    },
  },
  {
    what: "a close frame by wsi.write",
    cause: "self",
    code: 3003,
    end: (link) => void link.wsi.write(Uint8Array.of(0x0b, 0xbb), "close"),
  },
  {
    what: "hangupOnClient",
    cause: "self",
    code: 1006,
    end: (link) => void link.wsi.context.hangupOnClient(link.wsi.socketFd),
  },
  {
    what: "wsi.close in a callback that then asks for the end",
    cause: "self",
    code: 3004,
    onMessage(wsi) {
      wsi.close(3004);
      return -1;
    },
    end: (link) => link.send(text("go")),
  },
  {
    what: "no answer to any probe",
    cause: "keepAlive",
    code: 1006,
    options: { info: { kaTime: 60, kaProbes: 2, kaInterval: 10 } },
    async end(_link, advance) {
      for (const seconds of [60, 10, 10]) await advance(seconds * 1000 + TICK);
    },
  },
  {
    what: "wsi.setTimeout",
    cause: "timeout",
    code: 1006,
    async end(link, advance) {
      link.wsi.setTimeout("userReason", 5);
      await advance(5_000 + TICK);
    },
  },
  {
    what: "more than maxUnsentBytes unsent",
    cause: "unsent",
    code: 1006,
    options: { limits: { maxUnsentBytes: 100_000, softUnsentBytes: 10_000 } },
    async end(link) {
      link.peer.transport.stopReading();
      for (let i = 0; i < 20 && link.wsi.write(noise(20_000), "binary") >= 0; i++) await settle();
    },
  },
  {
    what: "a frame above maxFramePayload",
    cause: "limit",
    code: 1009,
    options: { limits: { maxFramePayload: 100 } },
    end: (link) => link.send(text("x".repeat(101))),
  },
  {
    what: "a message above maxMessageSize",
    cause: "limit",
    code: 1009,
    options: { limits: { maxMessageSize: 100 } },
    end: (link) =>
      link.send({ ...text("x".repeat(80)), fin: false }, { opcode: 0, payload: "x".repeat(80) }),
  },
  {
    what: "too many empty fragments",
    cause: "limit",
    code: 1008,
    end(link) {
      link.send({ ...text(""), fin: false });
      for (let i = 0; i < 1100; i++) link.send({ opcode: 0, fin: false, payload: "" });
    },
  },
  {
    what: "an opcode that doesn't exist",
    cause: "protocol",
    code: 1002,
    end: (link) => link.send({ opcode: 3, payload: "" }),
  },
  {
    what: "text that is not UTF-8",
    cause: "protocol",
    code: 1007,
    end: (link) => link.send({ opcode: 1, payload: Uint8Array.of(0xff) }),
  },
  {
    what: "a close frame of half a code",
    cause: "protocol",
    code: 1002,
    end: (link) => link.send({ opcode: 8, payload: Uint8Array.of(3) }),
  },
  { what: "a reset", cause: "reset", code: 1006, end: (link) => link.peer.reset() },
  {
    what: "the number that a callback returns",
    cause: "callback",
    code: 1006,
    onMessage: () => -1,
    end: (link) => link.send(text("go")),
  },
  {
    what: "a callback that throws",
    cause: "callback",
    code: 1011,
    onMessage() {
      throw new Error("thrown on purpose");
    },
    end: (link) => link.send(text("go")),
  },
  {
    what: "context.destroy",
    cause: "destroy",
    code: 1001,
    end: (link) => void link.wsi.context.destroy(),
  },
  {
    what: "context.destroy whose grace ends",
    cause: "destroy",
    code: 1001,
    async end(link, advance) {
      void link.wsi.context.destroy({ graceMs: 1_000 });
      await advance(1_000 + TICK);
    },
  },
];

/** Bytes that don't get shorter by compression. */
function noise(length: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(length));
}

for (const side of [SERVER, CLIENT]) {
  for (const coding of ["plain", "compressed"] as const) {
    for (const { what, cause, code, options, onMessage, end } of ENDINGS) {
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
