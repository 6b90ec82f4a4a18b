/**
 * What no client of any version sends, at a server that speaks all of them: each is answered or dropped, and
 * costs its own connection at most.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { WireVersion } from "../../../mod.ts";
import { createContext } from "../../../mod.ts";
import { DIALECTS } from "../../conformance/dialects.ts";
import { answerLines, clientOf, headOf, hixieAnswer, serverOf } from "../../conformance/sides.ts";
import { fieldOf, statusOf } from "../../support/http.ts";
import { bytesOf } from "../../support/http_messages.ts";
import { named } from "../../support/named.ts";
import { LOOPBACK } from "../../support/patience.ts";
import { captureLog } from "../../support/recorder.ts";
import { HANDSHAKE_KEY, playServer, readHead, serve, settle, TARGET } from "../../support/serve.ts";
import { CHALLENGE, PROOF, requestOf, VERSIONS } from "./old_peers.ts";

const KEY = `Sec-WebSocket-Key: ${HANDSHAKE_KEY}`;
const KEY1 = "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5";
const KEY2 = "Sec-WebSocket-Key2: 12998 5 Y3 1  .P00";
const ORIGIN = "Origin: http://localhost";

function request(...lines: string[]): string {
  return headOf(["GET / HTTP/1.1", "Host: localhost", "Connection: Upgrade", ...lines]);
}

/** Of version 13 but for the lines of its version. */
const keyed = (...lines: string[]) => request("Upgrade: websocket", KEY, ...lines);
const versioned = (value: string) => keyed(`Sec-WebSocket-Version: ${value}`);
/** Of version 0 but for what is given. */
const hixie = (key1: string, key2: string, ...lines: string[]) =>
  request("Upgrade: WebSocket", key1, key2, ...lines) + CHALLENGE;
const key1 = (value: string) => hixie(`Sec-WebSocket-Key1: ${value}`, KEY2, ORIGIN);
const whole = requestOf(0);

/** By the status that answers them. */
const REQUESTS: Record<number, Record<string, string>> = {
  426: {
    "version 0 by its number": versioned("0"),
    "a version with a zero in front": versioned("013"),
    "two zeros": versioned("00"),
    "a list of versions": versioned("4, 13"),
    "a fraction": versioned("13.0"),
    "a sign": versioned("+13"),
    "a negative version": versioned("-1"),
    "an exponent": versioned("1e1"),
    "a version by name": versioned("hixie-75"),
    "an empty version": versioned(""),
    "a version between two that are on": versioned("9"),
  },
  400: {
    "a version twice": keyed("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 13"),
    "two versions": keyed("Sec-WebSocket-Version: 4", "Sec-WebSocket-Version: 13"),
    "two keys of version 8": keyed("Sec-WebSocket-Version: 8", KEY),
    "keys of both kinds, and no version": hixie(KEY1, KEY2, KEY, ORIGIN),
    "a key without digits": key1("a b c"),
    "a key of spaces": key1("     "),
    "a key without spaces": key1("1234"),
    "a key whose only space is trimmed": key1("1234 "),
    "a key with tabs for spaces": key1("1\t2"),
    "a key above 32 bits": key1("9".repeat(5000) + " 9"),
    "a long key without a number": key1(" " + "x".repeat(10_000)),
    "the first key twice": hixie(KEY1, KEY1, KEY2, ORIGIN),
    "the first key alone": request("Upgrade: WebSocket", KEY1, ORIGIN) + CHALLENGE,
    "a body in chunks": hixie(KEY1, KEY2, ORIGIN, "Transfer-Encoding: chunked"),
    "a body of no bytes": hixie(KEY1, KEY2, ORIGIN, "Content-Length: 0"),
    "a body of nine bytes": hixie(KEY1, KEY2, ORIGIN, "Content-Length: 9"),
    "version 0 without an origin": hixie(KEY1, KEY2),
    "version 0 in HTTP/1.0": whole.replace("HTTP/1.1", "HTTP/1.0"),
    "a line break in the origin": whole.replace(ORIGIN, `${ORIGIN}\rX-Odd: 1`),
    "a NUL in the origin": whole.replace(ORIGIN, `${ORIGIN}\0`),
    "a line break in the host": whole.replace("Host: localhost", "Host: localhost\rX-Odd: 1"),
    "a blank in the host": whole.replace("Host: localhost", "Host: localhost X-Odd: 1"),
    "a line break in the path": whole.replace("GET /", "GET /\rX-Odd:1"),
    "a byte above ASCII in the path": whole.replace("GET /", "GET /\xe9"),
    "a fragment in the path": whole.replace("GET /", "GET /#odd"),
    "hixie-75 with a body": requestOf("hixie-75", { headers: ["Content-Length: 3"] }) + "abc",
    "hixie-75 with the origin of draft 04": requestOf("hixie-75")
      .replace("Origin", "Sec-WebSocket-Origin"),
  },
  405: { "version 0 with another method": whole.replace("GET", "POST") },
  403: Object.fromEntries(VERSIONS.flatMap((version): [string, string][] => {
    const forms = { "of another site": "http://evil.example", "that is none": "null" };
    return Object.entries(forms).map(([what, origin]) => [
      `version ${version} from a page ${what}`,
      requestOf(version, { origin }),
    ]);
  })),
};

/** All that comes until the end, in Latin-1. */
async function answerOf(port: number, sent: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(bytesOf(sent));
  await connection.closeWrite();
  let text = "";
  const decoder = new TextDecoder("latin1");
  for await (const bytes of connection.readable) text += decoder.decode(bytes);
  return text;
}

Deno.test("odd handshakes are refused with a status that says why, over real sockets", async () => {
  using _log = captureLog();
  const established: unknown[] = [];
  await using context = createContext({
    ...LOOPBACK,
    versions: VERSIONS,
    protocols: [named("echo", {
      established: (wsi) => void established.push(wsi.wireVersion),
      message: (wsi, _user, message) => void wsi.write(message),
    })],
  });
  for (const [status, requests] of Object.entries(REQUESTS)) {
    for (const [what, sent] of Object.entries(requests)) {
      const answer = await answerOf(context.port, sent);
      assertEquals(statusOf(answer), Number(status), what);
      assert(!answer.includes("X-Odd"), what);
      if (status === "426") {
        assertEquals(fieldOf(answer, "sec-websocket-version"), "4, 5, 6, 7, 8, 13", what);
      }
    }
  }
  assertEquals(established, []);
  // And the next one is served as if nothing had been.
  const answer = await answerOf(context.port, `${whole}\0still there?\xff`);
  assert(answer.endsWith(`${PROOF}\0still there?\xff`), answer);
  assertEquals(established, [0]);
});

Deno.test("version 13 with the keys of version 0 is version 13, and the bytes behind it are its frames", async () => {
  using _log = captureLog();
  await using served = serve([named("chat", {})], { versions: VERSIONS });
  const sent = hixie(KEY1, KEY2, KEY, "Sec-WebSocket-Version: 13");
  const peer = await served.dial(sent);
  const head = await readHead(peer);
  assertEquals([statusOf(head), fieldOf(head, "sec-websocket-location")], [101, undefined]);
  const [first, , high, low] = await peer.readBytes(4);
  assertEquals([first, high! << 8 | low!], [0x88, 1002]);
  peer.close();
});

Deno.test("a server of version 0 alone tells a later client that there is nothing to agree on", async () => {
  using _log = captureLog();
  await using served = serve([named("chat", {})], { versions: [0] });
  for (const version of VERSIONS.filter((each) => each !== 0)) {
    const peer = await served.dial(requestOf(version));
    const head = await readHead(peer);
    assertEquals(statusOf(head), version === "hixie-75" ? 400 : 426);
    assertEquals(fieldOf(head, "sec-websocket-version"), undefined);
    peer.close();
  }
});

/** Frames of the two oldest versions with which a connection goes on, or how it is failed. */
const LIMIT = 1000;
const OLD_FRAMES: Record<string, [sent: Uint8Array, code?: number]> = {
  "0xff 0x01 and a byte": [Uint8Array.of(0xff, 1, 0)],
  "a length of zeros without an end, which ends": [
    Uint8Array.of(0x80, ...new Array<number>(3000).fill(0x80), 0),
  ],
  "a frame without a type's meaning": [Uint8Array.of(0x7f, 0, 0x80, 0xff)],
  "the longest frame that is dropped": [bytesOf("\x80\x87\x68" + "\xff".repeat(LIMIT))],
  "a longer one, by its length": [Uint8Array.of(0x80, 0x87, 0x69), 1009],
  "a length beyond all numbers": [Uint8Array.of(0x80, ...new Array<number>(500).fill(0xff)), 1009],
  "a text without an end": [bytesOf("\0" + "x".repeat(LIMIT + 1)), 1009],
  "a frame to be dropped without an end": [bytesOf("\x01" + "x".repeat(LIMIT + 1)), 1009],
  "0xff in a text, and no frame behind it": [bytesOf("\0a\xff" + "b".repeat(LIMIT + 2)), 1009],
};

for (const dialect of DIALECTS.filter(({ hasAllKinds }) => !hasAllKinds)) {
  const { version } = dialect;
  const sides = [serverOf(dialect), ...version === 0 ? [clientOf(dialect)] : []];
  for (const side of sides) {
    Deno.test(`version ${version}, ${side.name}: odd frames are dropped, or fail their connection`, async () => {
      using _log = captureLog();
      await using house = side.setUp({ limits: { maxFramePayload: LIMIT } });
      const bystander = await house.open();
      for (const [what, [sent, code]] of Object.entries(OLD_FRAMES)) {
        for (const chop of [Infinity, 1, 7]) {
          const link = await house.open();
          link.chop(chop);
          link.peer.send(sent);
          if (code === undefined) await link.assertAlive();
          else await link.assertFailed(code, what);
        }
      }
      await bystander.assertAlive();
    });
  }
}

for (const { version } of DIALECTS.filter(({ version }) => version !== "hixie-75")) {
  Deno.test(`version ${version}: a server that sends frames in front of its answer is no WebSocket`, async () => {
    using _log = captureLog();
    const whys: string[] = [];
    const established: WireVersion[] = [];
    await using played = playServer([named("chat", {
      clientEstablished: (wsi) => void established.push(wsi.wireVersion!),
      clientConnectionError: (_wsi, _user, why) => void whys.push(why),
    })]);
    const asked = version as Exclude<WireVersion, "hixie-75">;
    for (const early of ["\x81\x01a", "\0a\xff", "\xff\0", CHALLENGE]) {
      played.context.clientConnect({ ...TARGET, version: asked });
      const peer = await played.accept();
      const sent = await readHead(peer);
      peer.send(bytesOf(early));
      if (version === 0) peer.send(hixieAnswer(sent, await peer.readBytes(8)));
      else peer.send(headOf(answerLines(sent)));
      await settle();
      peer.close();
      await settle();
    }
    assertEquals([whys.length, established], [4, []]);
    for (const why of whys) assertMatch(why, /not HTTP|in the head/);
  });
}

Deno.test("version 0: a client refuses a frame that is to lie open, as all of its frames do", async () => {
  await using link = await clientOf(DIALECTS.find(({ version }) => version === 0)!).open();
  let message = "";
  try {
    link.wsi.write("open", "text", { ignoreXorMask: true });
  } catch (error) {
    ({ message } = error as Error);
  }
  assertStringIncludes(message, "ignoreXorMask");
  await link.assertAlive();
});
