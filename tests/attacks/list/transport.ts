/** Attacks below and before HTTP. */

import { type Attack, handshake } from "../wire.ts";

const HELLO = "16030100c8010000c40303" + "ab".repeat(32) + "00";

/** The begin of a hello of 60,000 bytes, 1,000 of them in records of one byte each. */
const TINY_RECORDS = Uint8Array.from(
  { length: 6 * 1_000 },
  (_, i) => [0x16, 3, 1, 0, 1, [1, 0, 0xEA, 0x60][(i - 5) / 6] ?? 0][i % 6]!,
);

export const TRANSPORT: readonly Attack[] = [
  {
    name: "silence",
    what: "1,500 connections that say nothing",
    stoppedBy: "`headerTimeoutMs`, `maxPendingHandshakes`",
    isShort: true,
    run: (crowd) => crowd.hold(1500, (wire) => wire.untilGone()),
  },
  {
    name: "slow-head",
    what: "400 heads of one byte each 100 ms",
    stoppedBy: "`headerTimeoutMs`",
    run: (crowd) =>
      crowd.hold(400, async (wire) => {
        for (const byte of handshake()) {
          if (crowd.isOver || wire.isGone) return;
          await wire.send(byte);
          await crowd.pause(100);
        }
      }),
  },
  {
    name: "flood",
    what: "connections that are closed at once",
    stoppedBy: "a bounded number of accepts a round",
    isShort: true,
    run: (crowd) => crowd.again(16, async () => (await crowd.open()).destroy()),
  },
  {
    name: "reset",
    what: "resets in each state: silent, in the head, behind it, in a frame, in the close",
    stoppedBy: "a reset costs its own connection",
    run: (crowd) =>
      crowd.again(16, async (index) => {
        const wire = index % 5 > 2 ? await crowd.upgrade() : await crowd.open();
        if (index % 5 === 1) await wire.send(handshake().slice(0, 60));
        if (index % 5 === 2) await wire.send(handshake());
        if (index % 5 === 3) await wire.send(Uint8Array.of(0x82, 0xfe, 0x10, 0x00, 1, 2, 3, 4, 5));
        if (index % 5 === 4) await wire.frame(8);
        wire.reset();
      }),
  },
  {
    name: "half-close",
    what: "requests whose connections are half closed behind them",
    stoppedBy: "an end is told, and what it holds is freed",
    run: (crowd) =>
      crowd.again(16, async () => {
        const wire = await crowd.open();
        await wire.send("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
        wire.end();
        await wire.untilGone();
      }),
  },
  {
    name: "garbage",
    what: "random bytes in front of a request and behind one",
    stoppedBy: "400, or an end without an answer",
    run: (crowd) =>
      crowd.again(16, async (index) => {
        const wire = await crowd.open();
        const bytes = crypto.getRandomValues(new Uint8Array(512));
        if (index % 2 === 1) await wire.send("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
        await wire.send(bytes);
        await wire.untilGone();
      }),
  },
  {
    name: "tls-on-plain",
    what: "TLS hellos on the plain port, and HTTP on the one with TLS",
    stoppedBy: "400, or the alert",
    run: (crowd) =>
      crowd.again(8, async (index) => {
        const isHello = index % 2 === 0;
        const wire = await crowd.open(isHello ? "plain" : "tls", false);
        await wire.send(isHello ? Uint8Array.fromHex(HELLO) : handshake());
        wire.end();
        await wire.untilGone();
      }),
  },
  {
    name: "http2",
    what: "prefaces of HTTP/2",
    stoppedBy: "505",
    run: (crowd) =>
      crowd.again(8, async () => {
        const wire = await crowd.open();
        await wire.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        await wire.untilGone();
      }),
  },
  {
    name: "tls-handshakes",
    what: "TLS handshakes that are thrown away, 8 at a time",
    stoppedBy: "what a handshake costs; `maxHandshakesPerSecond`, or a proxy",
    run: (crowd) => crowd.again(8, async () => (await crowd.open("tls")).destroy()),
  },
  {
    name: "tls-records",
    what: "hellos in 1,000 TLS records of a byte each, 200 a second",
    stoppedBy: "at most 128 records and 32 KiB for a hello; what the runtime's TLS does",
    isShort: true,
    run: (crowd) =>
      crowd.again(2, async () => {
        const wire = await crowd.open("tls", false);
        await wire.send(TINY_RECORDS);
        wire.end();
        await wire.untilGone();
        await crowd.pause(10);
      }),
  },
  {
    name: "tls-silence",
    what: "500 connections to the port with TLS that say nothing",
    stoppedBy: "`headerTimeoutMs`, `maxPendingHandshakes`",
    run: (crowd) => crowd.hold(500, (wire) => wire.untilGone(), "tls"),
  },
  {
    name: "proxy-headers",
    what: "PROXY headers that are absent, garbled, endless or of 64 KiB",
    stoppedBy: "an end without an answer, `headerTimeoutMs`",
    run: (crowd) =>
      crowd.again(16, async (index) => {
        const wire = await crowd.open("proxied");
        const signature = "\r\n\r\n\0\r\nQUIT\n";
        const headers = [
          handshake(),
          "PROXY TCP4 1.2.3.4 5.6.7.8 99999 x\r\n",
          "PROXY TCP4 " + "1".repeat(2000),
          signature + "\x21\x11\xff\xff" + "\x01".repeat(65_535),
        ];
        await wire.send(Uint8Array.from(headers[index % 4]!, (each) => each.charCodeAt(0)));
        wire.end();
        await wire.untilGone();
      }),
  },
];
