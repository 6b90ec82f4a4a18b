/** What a stranger has written can neither forge nor fill the log, wherever it stands. */

import { assert, assertEquals } from "@std/assert";
import { LOG_LEVELS, memoryBroker, permessageDeflate, setLogLevel } from "../../../mod.ts";
import { resumable } from "../../../src/resume/mod.ts";
import { acceptOf, handshake, playServer, readHead, serve, settle } from "../../support/serve.ts";
import { TARGET } from "../../support/serve.ts";
import { captureLog, record } from "../../support/recorder.ts";

/** In Latin-1 as in UTF-8: C1 controls, bidirectional marks, half a character, and much too long. */
const ODD = `\x85\x9b31m\xad\u202e\u2066\u2028${"é"}${"z".repeat(1_000)}`;
const latin1 = (text: string) => Uint8Array.from(text, (sign) => sign.charCodeAt(0));
const BYTES = String.fromCharCode(...new TextEncoder().encode(ODD));
const TOKEN = "z".repeat(1_000);

/** The library's own words have these two as well. */
const PRINTABLE = /^[\x20-\x7e→…]*$/;

function assertTame(lines: readonly string[]): void {
  for (const each of lines) {
    const [line, ...frames] = each.split("\n    at ");
    assert(PRINTABLE.test(line!), JSON.stringify(line));
    assert(!line!.includes("z".repeat(201)), line);
    assert(!frames.some((frame) => frame.includes("zzz")), each);
  }
}

Deno.test("what requests and frames have in them is cut and escaped in the log", async () => {
  using log = captureLog(LOG_LEVELS);
  await using served = serve([
    record("echo", {
      filterProtocolConnection: (wsi) => {
        if (wsi.uri.startsWith("/throws")) throw new TypeError(`bad: ${wsi.uri}\n    at home`);
      },
    }).protocol,
    resumable({
      path: "/resume",
      authorize: (_wsi: unknown, topic: string) => {
        throw new Error(`${topic}\n`);
      },
    } as never) as never,
  ], { extensions: [permessageDeflate()], broker: memoryBroker(), trustProxy: 1 });
  const places = [
    "Origin",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
    "X-Forwarded-For",
  ];
  const names = ["Connection", "Transfer-Encoding", "Content-Length", "Expect", "X-A"];
  const requests = [
    ...[...places, ...names].map((name) => handshake({ headers: [`${name}: ${BYTES}`] })),
    ...[...places, ...names].map((name) => handshake({ headers: [`${name}: ${TOKEN}`] })),
    handshake({ headers: [`${TOKEN}: 1`] }),
    handshake({ headers: [`Sec-WebSocket-Extensions: permessage-deflate; ${TOKEN}=1`] }),
    ...[`/${TOKEN}`, `/throws${TOKEN}`, `/${BYTES}`].flatMap((path) => {
      return [handshake({ path }), `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`];
    }),
    `${TOKEN} / HTTP/1.1\r\nHost: a\r\n\r\n`,
    `GET / HTTP/1.1\r\nHost: ${TOKEN}\r\n\r\n`,
    `GET / HTTP/1.1\r\nHost: ${BYTES}\r\n\r\n`,
    `${BYTES}\r\n\r\n`,
  ];
  for (const request of requests) {
    const peer = await served.dial(latin1(request));
    await settle();
    peer.close();
    await served.pass(1_000);
  }
  const topic = JSON.stringify({ s: 1, t: ODD.slice(0, 200) });
  for (const [path, payload] of [["/", ODD.slice(0, 40)], ["/resume", topic], ["/resume", ODD]]) {
    const protocol = path === "/" ? "echo" : "lws.resume.v1";
    for (const opcode of [1, 8]) {
      const { send, peer } = await opener(served.open({ path: path!, protocol }));
      const text = new TextEncoder().encode(payload);
      const rest = opcode === 8 ? Uint8Array.of(0x03, 0xe8, ...text.subarray(0, 100)) : text;
      send({ opcode, payload: rest });
      await settle();
      peer.close();
      await served.pass(1_000);
    }
  }
  assert(log.lines.some((line) => line.includes("zzz")));
  assertTame(log.lines);
});

async function opener(opening: ReturnType<ReturnType<typeof serve>["open"]>) {
  const socket = await opening;
  return { send: socket.send.bind(socket), peer: socket.peer };
}

Deno.test("what servers and proxies answer is cut and escaped in the log", async () => {
  const answers = [
    `HTTP/1.1 403 ${TOKEN}\r\n\r\n`,
    `HTTP/1.1 403 ${BYTES}\r\n\r\n`,
    `HTTP/1.1 101 ${BYTES}\r\nUpgrade: ${BYTES}\r\nConnection: upgrade\r\n\r\n`,
    `HTTP/1.1 302 Found\r\nLocation: http://${TOKEN}.example/\r\n\r\n`,
    `HTTP/1.1 302 Found\r\nLocation: ${BYTES}\r\n\r\n`,
    `HTTP/1.1 101 a\r\nSec-WebSocket-Accept: ${BYTES}\r\n\r\n`,
    `${BYTES}\r\n\r\n`,
    ...["Extensions", "Protocol"].flatMap((name) => {
      return [BYTES, TOKEN, `permessage-deflate; ${TOKEN}=${TOKEN}`].map((value) => {
        return `HTTP/1.1 101 a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n` +
          `Sec-WebSocket-Accept: ACCEPT\r\nSec-WebSocket-${name}: ${value}\r\n\r\n`;
      });
    }),
  ];
  for (const httpProxyAddress of [undefined, `${TARGET.address}:80`]) {
    using log = captureLog(LOG_LEVELS);
    const info = httpProxyAddress === undefined ? {} : { httpProxyAddress };
    const extensions = [permessageDeflate()];
    await using side = playServer([record("x").protocol], { extensions, ...info });
    for (const answer of answers) {
      side.context.clientConnect({ ...TARGET, redirects: 1 });
      const peer = await side.accept();
      const [, key = ""] = /Key: (\S+)/i.exec(await readHead(peer)) ?? [];
      peer.send(latin1(answer.replace("ACCEPT", acceptOf(key))));
      await settle();
      peer.close();
      // Behind a second no line is held back.
      await side.pass(1_000);
    }
    assert(log.lines.some((line) => line.includes("zzz")), log.lines.join("\n"));
    assertTame(log.lines);
  }
});

Deno.test("a flood of one refusal is five lines a second and one that counts", async () => {
  using log = captureLog(["err", "warn", "notice", "info"]);
  {
    await using served = serve([record("chat").protocol]);
    const flood = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const peer = await served.dial(handshake({ protocol: `of-${i}` }));
        await readHead(peer);
        peer.close();
      }
    };
    await flood(20);
    // What else there is has lines of its own.
    const other = await served.dial("GET / HTTP/3\r\n\r\n");
    await readHead(other);
    other.close();
    const kinds = () => log.lines.map((line) => line.replace(/connection \d+/, "connection N"));
    const refusal =
      "notice: connection N: 400 none of the client's 1 subprotocols is spoken here (chat)";
    assertEquals(kinds().slice(0, 5), Array.from({ length: 5 }, () => refusal));
    assertEquals(log.lines.length, 6);
    await served.pass(1_000);
    assertEquals(kinds().slice(6), ["notice: and 15 more: connection ..: 400 .."]);
    await flood(7);
    assertEquals(log.lines.length, 12);
  }
  // The end of the context tells, and leaves no timer.
  assertEquals(log.lines.slice(12), ["notice: and 2 more: connection ..: 400 .."]);
});

Deno.test("the timer of what is held back goes with the context, by the system's clock as well", async () => {
  const lines: string[] = [];
  setLogLevel(["notice"], (_level, line) => lines.push(line));
  {
    const served = serve([record("chat").protocol], { clock: undefined } as never);
    for (let i = 0; i < 7; i++) {
      const peer = await served.dial(handshake({ protocol: "other" }));
      await readHead(peer);
      peer.close();
    }
    await served[Symbol.asyncDispose]();
  }
  setLogLevel(["err", "warn"]);
  assertEquals([lines.length, lines.at(-1)], [6, "and 2 more: connection ..: 400 .."]);
});
