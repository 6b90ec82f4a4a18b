/** Attacks by HTTP: heads, framing, bodies and files. */

import { type Attack, handshake } from "../wire.ts";

const GET = "GET / HTTP/1.1\r\nHost: a.example\r\n";

/** What two recipients could read differently. */
const SMUGGLED: readonly string[] = [
  "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
  "Content-Length: 4, 4\r\n\r\nabcd",
  "Content-Length: +4\r\n\r\nabcd",
  "Content-Length: 0x4\r\n\r\nabcd",
  "Content-Length: 99999999999999999999\r\n\r\n",
  "Transfer-Encoding: identity\r\n\r\n",
  "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
  "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n",
  "Transfer-Encoding: chunked\r\n\r\n0x4\r\nabcd\r\n0\r\n\r\n",
  "Transfer-Encoding: chunked\r\n\r\n4\nabcd\n0\n\n",
  "Transfer-Encoding: chunked\r\n\r\n4;a\nb\r\nabcd\r\n0\r\n\r\n",
  "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n",
  "X: a\rb\r\n\r\n",
  "X: a\0b\r\n\r\n",
  "X : a\r\n\r\n",
  "X: a\r\n b\r\n\r\n",
  "Host: b.example\r\n\r\n",
];

const PATHS: readonly string[] = [
  "/files/../../etc/passwd",
  "/files/%2e%2e/%2e%2e/etc/passwd",
  "/files/%252e%252e/etc/passwd",
  "/files/..\\..\\etc\\passwd",
  "/files/%c0%ae%c0%ae/etc/passwd",
  "//etc/passwd",
  "/files/a%00.txt",
  "/files/%0d%0aSet-Cookie:%20a=b",
  "/files/" + "../".repeat(2000),
];

/** A request, and what comes of it until the connection ends or an answer is there. */
const ask = (what: string): Attack["run"] => (crowd) =>
  crowd.again(16, async () => {
    const wire = await crowd.open();
    await wire.send(what);
    await wire.until((text) => text.includes("\r\n\r\n"));
    wire.destroy();
  });

export const HTTP: readonly Attack[] = [
  {
    name: "many-fields",
    what: "heads of 100,000 fields",
    stoppedBy: "`maxHeaderFields`, `maxHeaderBytes`: 431",
    run: ask(GET + "a: b\r\n".repeat(100_000)),
  },
  {
    name: "long-field",
    what: "a field of 1 MiB",
    stoppedBy: "`maxHeaderBytes`: 431",
    run: ask(GET + "a: " + "b".repeat(1 << 20)),
  },
  {
    name: "long-target",
    what: "a request target of 1 MiB",
    stoppedBy: "`maxHeaderBytes`: 414",
    run: ask("GET /" + "a".repeat(1 << 20)),
  },
  {
    name: "smuggling",
    what: "what two recipients could read differently: 18 ways to frame a body or a field",
    stoppedBy: "400 and the end of the connection",
    isShort: true,
    run: (crowd) =>
      crowd.again(18, async (index) => {
        const wire = await crowd.open();
        await wire.send(
          `POST /upload HTTP/1.1\r\nHost: a.example\r\n${SMUGGLED[index]}GET /x HTTP/1.1\r\n\r\n`,
        );
        await wire.untilGone();
      }),
  },
  {
    name: "slow-body",
    what: "300 bodies of one byte a second",
    stoppedBy: "`minBodyRate`, `contentTimeoutMs`",
    run: (crowd) =>
      crowd.hold(300, async (wire) => {
        await wire.send(
          "POST /upload HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1000000\r\n\r\n",
        );
        while (!crowd.isOver && !wire.isGone) {
          await wire.send("x");
          await crowd.pause(1000);
        }
      }),
  },
  {
    name: "tiny-chunks",
    what: "endless bodies in chunks of one byte",
    stoppedBy: "`maxBodySize`, which counts what a chunk costs: 413",
    run: (crowd) =>
      crowd.again(8, async () => {
        const wire = await crowd.open();
        await wire.send(
          "POST /upload HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n",
        );
        const chunks = "1\r\nx\r\n".repeat(10_000);
        while (!crowd.isOver && !wire.isGone) await wire.send(chunks);
        wire.destroy();
      }),
  },
  {
    name: "pipeline",
    what: "1,000 requests in one packet, and a handshake behind them",
    stoppedBy: "one answer after the other; reading waits",
    isShort: true,
    run: (crowd) =>
      crowd.again(4, async () => {
        const wire = await crowd.open();
        await wire.send(`${GET}\r\n`.repeat(1000) + handshake());
        await wire.until((text) => text.length > 10_000);
        wire.destroy();
      }),
  },
  {
    name: "unread-answers",
    what: "pipelines of 20,000 requests whose answers are never read, 40 at a time",
    stoppedBy: "no next request before an answer is taken; `sendTimeoutMs`",
    run: (crowd) =>
      crowd.hold(40, async (wire) => {
        wire.stopReading();
        await wire.send(`GET /files/large.bin HTTP/1.1\r\nHost: a.example\r\n\r\n`.repeat(20_000));
      }),
  },
  {
    name: "traversal",
    what: "paths that leave the folder, in nine spellings",
    stoppedBy: "400 or 404",
    run: (crowd) =>
      crowd.again(18, async (index) => {
        const wire = await crowd.open();
        const path = PATHS[index % PATHS.length];
        await wire.send(`GET ${path} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n`);
        await wire.until((text) => text.includes("root:") || wire.isGone);
        if (wire.text.includes("root:")) throw new Error(`${path} has left the folder`);
        wire.destroy();
      }),
  },
  {
    name: "ranges",
    what: "requests for 2,000 overlapping ranges",
    stoppedBy: "at most 16 ranges that don't overlap, else the whole file",
    run: (crowd) =>
      crowd.again(8, async () => {
        const wire = await crowd.open();
        const ranges = Array.from({ length: 2000 }, (_, from) => `${from}-`).join(",");
        await wire.send(
          `GET /files/large.bin HTTP/1.1\r\nHost: a.example\r\nRange: bytes=${ranges}\r\n\r\n`,
        );
        await wire.until((text) => text.includes("\r\n\r\n"));
        wire.destroy();
      }),
  },
  {
    name: "bad-handshakes",
    what: "handshakes of other versions, with bad keys, doubled fields, bodies, foreign origins",
    stoppedBy: "400, 403 or 426",
    isShort: true,
    run: (crowd) => {
      const bad: readonly Record<string, string | undefined>[] = [
        { "Sec-WebSocket-Version": "12" },
        { "Sec-WebSocket-Key": "short" },
        { "Sec-WebSocket-Key": undefined },
        { "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" },
        { "Content-Length": "5" },
        { Origin: "https://evil.example" },
        { Origin: "null" },
        { "Sec-WebSocket-Protocol": "a,,a, \x01" },
        { "Sec-WebSocket-Protocol": "x".repeat(8000) },
        { "Sec-WebSocket-Extensions": "permessage-deflate; ".repeat(400) },
        { "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits=16" },
        { "Sec-WebSocket-Extensions": "permessage-deflate, ".repeat(400) },
      ];
      return crowd.again(bad.length, async (index) => {
        const wire = await crowd.open();
        await wire.send(handshake(bad[index]));
        await wire.until((text) => text.includes("\r\n\r\n"));
        wire.destroy();
      });
    },
  },
];
