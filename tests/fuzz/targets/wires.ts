/** Bytes of other kinds: certificates, broadcasts of processes, publications between workers and in brokers, resuming. */

import type { Publication } from "../../../src/api/topics/topics.ts";
import { decodeLive } from "../../../src/brokers/nats/message.ts";
import { readRedirection } from "../../../src/brokers/redis/cluster/topology.ts";
import { decodeKept, decodeMessage, encodeContent } from "../../../src/brokers/redis/message.ts";
import { readServerInfo } from "../../../src/brokers/redis/server/info.ts";
import { LwsError } from "../../../src/base/errors.ts";
import { isSameToken, MessageReader, writeLength } from "../../../src/remote/broadcast_format.ts";
import {
  type Columns,
  fromColumns,
  isColumns,
  toColumns,
} from "../../../src/remote/broker/columns.ts";
import {
  isCall,
  isHello,
  isPortMessage,
  isShareMessage,
} from "../../../src/remote/broker/messages.ts";
import { resumeClient } from "../../../src/resume/client/client.ts";
import { readRequest } from "../../../src/resume/requests.ts";
import { publicationOf } from "../../../src/resume/wire.ts";
import { elementsOf } from "../../../src/tls/der.ts";
import { extensionsOf } from "../../../src/tls/certificate_extensions.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { concat } from "../../support/frames.ts";
import type { Dice } from "../dice.ts";
import { pump, sameHoweverSplit } from "../splits.ts";
import { expect, expectSame, latin1, type Target, textOf, utf8, wordsOf } from "../target.ts";

function derOf(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const inside = concat(...content);
  const { length } = inside;
  const head = length < 128
    ? [length]
    : length < 256
    ? [0x81, length]
    : [0x82, length >> 8, length & 0xff];
  return concat(Uint8Array.of(tag, ...head), inside);
}

function makeCertificate(dice: Dice): Uint8Array {
  const extension = () => {
    const identifier = dice.pick([[0x55, 0x1d, 0x25], [0x55, 0x1d, 0x11], [0x55, 0x1d, 0x13], [
      0x2a,
    ]]);
    const critical = dice.once(2) ? [derOf(1, Uint8Array.of(0xff))] : [];
    const usage = derOf(0x30, derOf(6, Uint8Array.of(0x2b, 6, 1, 5, 5, 7, 3, 1 + dice.below(2))));
    return derOf(
      0x30,
      derOf(6, Uint8Array.from(identifier)),
      ...critical,
      derOf(4, dice.once(3) ? dice.bytes(dice.small(200)) : usage),
    );
  };
  const extensions = derOf(0xa3, derOf(0x30, ...dice.times(dice.small(5), extension)));
  const signed = derOf(
    0x30,
    derOf(0xa0, derOf(2, Uint8Array.of(2))),
    derOf(2, dice.bytes(9)),
    ...(dice.once(9) ? [] : [extensions]),
  );
  return derOf(0x30, signed, derOf(0x30), derOf(3, dice.bytes(20)));
}

const der: Target = {
  name: "der",
  covers:
    "tls/{der,certificate_extensions}: certificates of peers; what is read is written again as it came",
  words: [[0x30, 0x80], [0x30, 0x84], [0x06, 3, 0x55, 0x1d, 0x25], [4, 0x81], [0xa3, 0x82], [0x1f]]
    .map((it) => Uint8Array.from(it)),
  make: makeCertificate,
  check(input) {
    const elements = elementsOf(input);
    const extensions = extensionsOf(input);
    for (const content of extensions?.values() ?? []) {
      expect("an extension outside of the certificate", content.buffer === input.buffer);
    }
    if (elements === undefined) {
      expect("extensions of what is no DER", extensions === undefined);
      return "none";
    }
    const again = concat(...elements.map(({ tag, content }) => derOf(tag, content)));
    expectSame("written again", again.toHex(), input.toHex());
    return `${Math.min(elements.length, 4)} ${extensions?.size}`;
  },
};

const TOKEN = "0123456789abcdef".repeat(4);

const broadcast: Target = {
  name: "broadcast",
  covers: "remote/broadcast_format: messages with their lengths in front, and tokens",
  words: [[0, 0, 0, 0], [0, 0, 0, 1], [0xff, 0xff, 0xff, 0xff], [0, 0, 3, 0xe8], [0, 0, 3, 0xe9]]
    .map((it) => Uint8Array.from(it)),
  make(dice) {
    const messages = dice.times(1 + dice.small(5), () => {
      const data = dice.bytes(dice.once(9) ? dice.pick([1000, 1001, 300]) : dice.small(40));
      const head = new Uint8Array(4);
      writeLength(head, 0, dice.once(20) ? data.length + dice.pick([-1, 1, 2 ** 31]) : data.length);
      return concat(head, data);
    });
    return concat(dice.bytes(1), ...messages);
  },
  check(input, dice) {
    const stopEvery = [Infinity, 1, 2, 3][(input[0] ?? 0) & 3]!;
    const wire = input.subarray(1);
    const told = sameHoweverSplit(wire, dice, (reads) => {
      const events: string[] = [];
      const reader = new MessageReader(1000, {
        onMessage(message) {
          expect("too long a message", message.length <= 1000);
          expect("a message behind the failure", events.at(-1)?.startsWith("too") !== true);
          return events.push(message.toHex()) % stopEvery !== 0;
        },
        onTooLong: (length) => void events.push(`too long ${length}`),
      });
      pump(reads, (bytes) => {
        const taken = reader.read(bytes);
        return { taken, goesOn: taken < bytes.length };
      });
      return events;
    }, (events) => events.join("\n"));
    // The same once more, in the simplest way.
    const expected: string[] = [];
    for (let at = 0; at + 4 <= wire.length;) {
      const length = new DataView(wire.buffer, wire.byteOffset + at).getUint32(0);
      if (length > 1000) expected.push(`too long ${length}`);
      if (length > 1000 || at + 4 + length > wire.length) break;
      expected.push(wire.subarray(at + 4, at + 4 + length).toHex());
      at += 4 + length;
    }
    expectSame("the messages", told.join("\n"), expected.join("\n"));
    const token = wire.subarray(0, TOKEN.length);
    expectSame("the token", `${isSameToken(token, TOKEN)}`, `${textOf(token) === TOKEN}`);
    return `${Math.min(told.length, 5)} ${told.at(-1)?.startsWith("too")}`;
  },
};

const encoder = new TextEncoder();

/** Publications as bytes of an input have them. */
function publicationsOf(input: Uint8Array) {
  const dice = { at: 0, next: () => input[dice.at++] ?? 0 };
  const texts = ["", "t", "ü", "a b", "\n", "%", "__proto__", "e-1"];
  const list = [];
  while (dice.at < input.length) {
    const flags = dice.next();
    const presence = [undefined, undefined, "join", "leave"][flags & 3] as
      | "join"
      | "leave"
      | undefined;
    const data = input.subarray(dice.at + 4, dice.at + 4 + dice.next());
    const publication = {
      epoch: texts[dice.next() & 7]!,
      offset: dice.next() * (flags & 0x10 ? 2 ** 40 : 1),
      data,
      isBinary: (flags & 4) !== 0,
      ...(flags & 8 ? { sender: texts[dice.next() & 7]! } : {}),
      ...(flags & 0x20 ? { previous: dice.next() } : {}),
      ...(presence !== undefined && { presence }),
    };
    dice.at += data.length;
    list.push({ topic: texts[flags >> 6]!, publication });
  }
  return list;
}

const columns: Target = {
  name: "columns",
  covers:
    "remote/broker/{columns,messages}: publications between workers, written and read; and columns whose " +
    "numbers are another worker's",
  words: [],
  make: (dice) => dice.bytes(dice.small(120)),
  check(input, dice) {
    const list = publicationsOf(input);
    const written = toColumns(list);
    expect("our own columns are none", isColumns(written));
    const read: unknown[] = [];
    fromColumns(
      structuredClone(written),
      (topic, publication) => read.push({ topic, publication }),
    );
    const told = (value: unknown) => JSON.stringify(value, sortedKeys);
    expectSame("read again", told(read), told(list));
    // Any numbers at all.
    const wrong: Columns = {
      ...written,
      rows: written.rows.map((number) => dice.once(9) ? dice.pick(ODD_NUMBERS) : number),
    };
    const messages = { items: [{ kind: "publications", columns: wrong }] };
    expect("columns of a message", isShareMessage(messages) === isColumns(wrong));
    for (const is of [isCall, isHello, isPortMessage]) {
      expect("taken for another message", !is(messages));
    }
    if (!isColumns(wrong)) return "refused";
    fromColumns(wrong, (topic, { epoch, data, offset }) => {
      expect("no topic", typeof topic === "string" && typeof epoch === "string");
      expect("data of another buffer", data.buffer === wrong.data.buffer);
      expect("no offset", Number.isSafeInteger(offset));
    });
    return `${Math.min(list.length, 5)}`;
  },
};

const ODD_NUMBERS = [-1, -2, 0, 1, 2, 255, 0.5, NaN, Infinity, 2 ** 53, 2 ** 32, -0];

function sortedKeys(_key: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return value.toHex();
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1));
}

const PLACE = { epoch: "e", offset: 7, previous: 6 };

const brokerMessages: Target = {
  name: "broker-messages",
  covers:
    "brokers/redis/{message,cluster/topology,server/info}, brokers/nats/message: what anything else may publish " +
    "to the same names, or answer",
  words: wordsOf(
    "\n",
    "b\n",
    "t-a\n",
    "=1 e t\n",
    "12 e b-%41\n",
    "%",
    "j\n",
    "l-\n",
    "MOVED 1 a:1",
    "ASK ",
    " ",
    "redis_version:7.0.0\r\n",
    "9007199254740993",
  ),
  make(dice) {
    const sender = dice.once(2) ? `-${dice.pick(["a", "%41", "%zz", "ü", ""])}` : "";
    const place = dice.once(2)
      ? ""
      : `${dice.once(3) ? "=" : ""}${
        dice.pick(["1", "0", "x", "1e3", "9007199254740993", "-1", "1.5"])
      } ${dice.pick(["e", "", "ü"])} `;
    return concat(
      utf8(`${place}${dice.pick(["b", "t", "j", "l", "x", ""])}${sender}\n`),
      dice.bytes(dice.small(30)),
    );
  },
  check(input) {
    const message = decodeMessage(input);
    const kept = decodeKept(input, PLACE);
    for (const each of [message, kept]) {
      if (each === undefined) continue;
      expect("an offset that is none", Number.isSafeInteger(each.offset) && each.offset >= 0);
      expect("data of the client's buffer", each.data.buffer !== input.buffer);
      const again = decodeKept(encodeContent(each), PLACE)!;
      // Of members the sender is not told.
      const facts = ({ isBinary, sender, presence, data }: typeof again) =>
        JSON.stringify([
          presence === undefined && isBinary,
          presence === undefined ? sender : "",
          presence,
          data.toHex(),
        ]);
      expectSame("written again", facts(again), facts(each));
    }
    const text = textOf(input);
    readRedirection(text, "a");
    try {
      readServerInfo(text, "a");
    } catch (error) {
      if (!(error instanceof LwsError)) throw error;
    }
    const names = ["Nats-Stream", "Nats-Sequence", "Nats-Last-Sequence", "Lws-Sender", "Lws-Kind"];
    const headers = new Map(names.map((name, i) => [name, [text.slice(i, i + 6)]]));
    const live = decodeLive({ headers } as unknown as Parameters<typeof decodeLive>[0]);
    expect("a sequence that is none", Number.isSafeInteger(live.sequence) && live.sequence >= 0);
    return `${message?.presence} ${message?.isBinary} ${message?.offset !== 0} ${
      kept === undefined
    }`;
  },
};

/** A socket to a server that says what the input has. */
class SaidSocket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string | ArrayBuffer }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  binaryType = "";
  closed = 0;
  readonly sent: string[] = [];

  send(data: string): void {
    this.sent.push(data);
  }

  close(): void {
    this.closed++;
  }
}

const resume: Target = {
  name: "resume",
  covers:
    "resume/{requests,wire}, resume/client/client: what clients ask for, and what servers tell clients, of which " +
    "a wrong one ends the connection and nothing else; publications written and read",
  words: wordsOf(
    '{"s":1',
    '"t":"t"',
    '"e":"e"',
    '"o":1',
    '"r":true',
    '"d":',
    '"x":"forbidden"',
    '"g":"epoch"',
    "null",
    "1e999",
    "-1",
    '"__proto__":',
    "\x01\x01t\x01e\x05",
    "\xff\xff\xff",
  ),
  make(dice) {
    if (dice.once(3)) {
      return concat(dice.bytes(1), latin1("\x01\x01t\x01e"), dice.bytes(1 + dice.small(9)));
    }
    const members = dice.times(1 + dice.small(6), () => {
      const name = dice.pick(["s", "t", "e", "o", "g", "w", "x", "r", "d", "u", "p"]);
      return `"${name}":${
        dice.pick(["1", "0", '"t"', '"e"', "true", "null", "5", '"unavailable"', "-1", "[]", "2e9"])
      }`;
    });
    return concat(dice.bytes(1), utf8(`{${members.join(",")}}`));
  },
  check(input) {
    const wire = input.subarray(1);
    const text = new TextDecoder().decode(wire);
    const request = readRequest(text);
    if (typeof request !== "string" && request.kind === "subscribe") {
      const { since, id } = request;
      expect("an id that is none", Number.isSafeInteger(id));
      expect(
        "a position that is none",
        since === undefined || (since.offset >= 0 && since.epoch.length <= 255),
      );
    }
    const told = clientTold(((input[0] ?? 0) & 1) === 0 ? text : wire.slice().buffer);
    checkPublication(wire);
    return `${typeof request === "string" ? request : request.kind} ${told}`;
  },
};

/** What a client makes of it. */
function clientTold(data: string | ArrayBuffer): string {
  const clock = new FakeClock();
  const socket = new SaidSocket();
  const events: string[] = [];
  const client = resumeClient(() => socket as never, {
    clock,
    random: () => 0.5,
    onError: () => void events.push("error"),
    onData: () => void events.push("data"),
  });
  const subscription = client.subscribe("t", {
    onMessage: () => void events.push("message"),
    onGap: ({ waitMs, position }) => {
      expect("a wait that is none", waitMs >= 0 && Number.isFinite(waitMs));
      expect("a position that is none", Number.isSafeInteger(position.offset));
      events.push("gap");
    },
    onRefused: () => void events.push("refused"),
  });
  socket.onopen!();
  socket.onmessage!({ data: '{"s":1,"e":"e","o":1,"r":true}' });
  const before = subscription.position;
  socket.onmessage?.({ data });
  const after = subscription.position;
  expect(
    "a position that is none",
    after === undefined ||
      (typeof after.epoch === "string" && Number.isSafeInteger(after.offset) && after.offset >= 0),
  );
  expect(
    "the position goes back",
    after?.epoch !== before?.epoch || events.includes("gap") || events.includes("error") ||
      after!.offset >= before!.offset || /"s":/.test(String(data)) || /"g":/.test(String(data)),
  );
  client.close();
  clock.advance(100_000);
  return events.join();
}

/** What our server publishes is what our client hands on. */
function checkPublication(data: Uint8Array): void {
  const offset = 2 + (data[0] ?? 0) * 2 ** 33;
  const isBinary = data.length % 2 === 0;
  const publication = {
    topic: "t",
    epoch: "e",
    offset,
    data,
    isBinary,
    hasPlace: true,
  } as unknown as Publication;
  const wire = publicationOf(publication)!;
  const socket = new SaidSocket();
  let heard: string | undefined;
  const client = resumeClient(() => socket as never, { clock: new FakeClock() });
  const subscription = client.subscribe("t", {
    onMessage: (given) =>
      heard = typeof given === "string" ? encoder.encode(given).toHex() : given.toHex(),
  });
  socket.onopen!();
  socket.onmessage!({ data: '{"s":1,"e":"e","o":1,"r":true}' });
  socket.onmessage!({ data: typeof wire === "string" ? wire : wire.slice().buffer as ArrayBuffer });
  const plain = isBinary ? data : utf8(new TextDecoder("utf-8", { ignoreBOM: true }).decode(data));
  expectSame(
    "a publication",
    `${heard} ${subscription.position?.offset}`,
    `${plain.toHex()} ${offset}`,
  );
  client.close();
}

export const WIRE_TARGETS: readonly Target[] = [der, broadcast, columns, brokerMessages, resume];
