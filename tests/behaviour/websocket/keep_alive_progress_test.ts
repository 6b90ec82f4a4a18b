/** Probing next to our own writes: what a slow peer takes is life, and what goes at once is none. */

import { assert, assertEquals } from "@std/assert";
import type { CloseInfo, Context, Protocol, ServicePolicy, Wsi } from "../../../mod.ts";
import { CONTEXT_PORT_NO_LISTEN, createContext } from "../../../mod.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { acceptFor } from "../../conformance/sides.ts";
import { makeCertificates } from "../../support/certificates.ts";
import { frame, KEY } from "../../support/frames.ts";
import { captureLog } from "../../support/recorder.ts";
import { handshake, settle } from "../../support/serve.ts";
import { pause, SIP, SippingPeer } from "../../support/sipping_peer.ts";
import { named } from "../../support/named.ts";

const PROBING = { kaTime: 2, kaProbes: 2, kaInterval: 1 };
const LARGE = 12 * 1024 * 1024;
/** `lws-ka` and a UUID. */
const PROBE = { opcode: 9, length: 43 };
/** How often the slow peer takes some, in milliseconds. */
const SIP_MS = 45;

const made = await makeCertificates();

/** A protocol whose one connection the test gets hold of. */
function captive(closes: CloseInfo[]): { protocol: Protocol; wsi: Promise<Wsi> } {
  const { promise, resolve } = Promise.withResolvers<Wsi>();
  const protocol = named("captive", {
    established: (wsi) => resolve(wsi),
    clientEstablished: (wsi) => resolve(wsi),
    message: (wsi, _user, message) => void wsi.write(message),
    closed: (_wsi, _user, info) => void closes.push(info),
  });
  return { protocol, wsi: promise };
}

/** The answer to a request, as a server that the test plays gives it. */
function answerTo(request: string): string {
  const key = /^sec-websocket-key: *(\S+)/im.exec(request)![1]!;
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${acceptFor(key)}\r\n\r\n`;
}

interface Stage extends AsyncDisposable {
  readonly wsi: Wsi;
  readonly peer: SippingPeer;
  readonly clock: FakeClock;
  readonly closes: readonly CloseInfo[];
  /** A frame as the peer must send it. */
  frame(opcode: number, payload?: Uint8Array | string): Uint8Array;
  /** Lets everything happen that needs no time. */
  rest(): Promise<void>;
}

/** Our end, as a server or a client, with a peer that sips. */
async function stage(isClient: boolean, service: ServicePolicy, info = {}): Promise<Stage> {
  const network = new MemoryNetwork();
  const clock = new FakeClock();
  const closes: CloseInfo[] = [];
  const { protocol, wsi } = captive(closes);
  const target = { hostname: "127.0.0.1", port: 80 };
  const listener = isClient ? network.listen(target) : undefined;
  const context = createContext({
    network,
    clock,
    ...PROBING,
    ...info,
    service,
    protocols: [protocol],
    port: isClient ? CONTEXT_PORT_NO_LISTEN : 80,
  });
  const rest = async () => {
    await settle();
    if (service === "automatic") return;
    for (let i = 0; i < 4; i++) await context.service(0);
  };
  let peer: SippingPeer;
  if (isClient) {
    context.clientConnect({ address: "127.0.0.1", port: 80 });
    await rest();
    peer = new SippingPeer(await listener!.accept());
    await rest();
    const request = new TextDecoder().decode(peer.received);
    peer.send(new TextEncoder().encode(answerTo(request)));
  } else {
    peer = new SippingPeer(await network.connect(target, new AbortController().signal));
    peer.send(new TextEncoder().encode(handshake()));
  }
  for (let i = 0; i < 3; i++) await rest();
  peer.received = new Uint8Array(0);
  return {
    wsi: await wsi,
    peer,
    clock,
    closes,
    frame: (opcode, payload = "") => frame({ opcode, payload, ...(isClient ? {} : { key: KEY }) }),
    rest,
    async [Symbol.asyncDispose]() {
      const gone = context.destroy({ graceMs: 0 });
      await settle();
      clock.advance(60_000);
      await settle();
      peer.close();
      listener?.close();
      await gone;
    },
  };
}

for (const role of ["server", "client"] as const) {
  const isClient = role === "client";
  for (const service of ["automatic", "manual", "external"] as const) {
    Deno.test(`a peer that takes a large message sip by sip is not cut: a ${service} ${role}`, async () => {
      await using all = await stage(isClient, service);
      const { wsi, peer, clock, closes } = all;
      assertEquals(wsi.write(new Uint8Array(LARGE), "binary"), LARGE);
      await all.rest();
      let left = LARGE;
      while (left > 0) {
        peer.sip();
        if (service === "automatic") await pause();
        else await all.rest();
        if (left === LARGE) assertEquals(peer.header(), { opcode: 2, length: LARGE });
        const taken = Math.min(left, peer.received.length);
        left -= taken;
        peer.received = peer.received.slice(taken);
        assertEquals(closes, []);
        clock.advance(SIP_MS);
      }
      await all.rest();
      assertEquals(peer.received.length, 0, "nobody was probed");
      peer.send(all.frame(1, "still there?"));
      for (let i = 0; i < 4; i++) {
        peer.sip();
        await all.rest();
      }
      assertEquals(peer.header(), { opcode: 1, length: "still there?".length });
      assertEquals(closes, []);
    });
  }

  for (const talks of [false, true]) {
    const who = talks ? "a peer that talks meanwhile" : "a silent peer";
    Deno.test(`the last part of a write is as much life as those before, of ${who}: a ${role}`, async () => {
      await using all = await stage(isClient, "automatic");
      const { wsi, peer, clock, closes } = all;
      // What the system holds of it is read after it has left, and takes as long as a part before.
      wsi.write(new Uint8Array(4 * SIP), "binary");
      await all.rest();
      while (wsi.unsentBytes > 0) {
        peer.sip();
        await all.rest();
        if (talks && wsi.unsentBytes > 0) peer.send(all.frame(10));
        await all.rest();
        if (wsi.unsentBytes > 0) clock.advance(1_500);
      }
      const left = async (ms: number) => {
        clock.advance(ms);
        await all.rest();
        peer.sip();
        await all.rest();
        return peer.received.length;
      };
      const before = await left(0);
      assertEquals(await left(1_950), before, "nobody was probed");
      assert(await left(100) > before);
      assertEquals(closes, []);
    });
  }

  Deno.test(`a probe that waits behind a write is not unanswered, and has its time once it left: a ${role}`, async () => {
    using _log = captureLog([]);
    await using all = await stage(isClient, "automatic");
    const { wsi, peer, clock, closes } = all;
    clock.advance(2_032);
    await all.rest();
    wsi.write(new Uint8Array(1024 * 1024), "binary");
    await all.rest();
    for (let i = 0; i < 60; i++) {
      clock.advance(1_000);
      await pause();
    }
    assertEquals(closes, [], "the peer took nothing, and was asked nothing");
    for (let i = 0; i < 40; i++) {
      peer.sip();
      await pause();
    }
    await all.rest();
    assertEquals(peer.header(), PROBE);
    peer.received = peer.received.slice(PROBE.length);
    assertEquals(peer.header(), { opcode: 2, length: 1024 * 1024 });
    peer.received = peer.received.slice(1024 * 1024);
    assertEquals(peer.header(), PROBE, "one probe, however long it waited");
    const { length } = PROBE;
    assertEquals(peer.received.length, length);
    clock.advance(990);
    await all.rest();
    peer.sip();
    await all.rest();
    assertEquals([closes.length, peer.received.length], [0, length], "none before its time");
    clock.advance(10 + 16);
    await all.rest();
    peer.sip();
    await all.rest();
    assert(peer.received.length > length, "the one before the progress counts no more");
    assertEquals(closes, []);
    clock.advance(1_016);
    await all.rest();
    assertEquals(closes.map(({ cause }) => cause), ["keepAlive"]);
  });

  Deno.test(`the interval of a probe begins when it leaves, be that within the first: a ${role}`, async () => {
    await using all = await stage(isClient, "automatic");
    const { wsi, peer, clock, closes } = all;
    clock.advance(1_990);
    wsi.write(new Uint8Array(256 * 1024), "binary");
    await all.rest();
    clock.advance(26);
    await all.rest();
    // Half a second behind the probe the peer takes it all, and the probe leaves.
    clock.advance(500);
    for (let i = 0; i < 10; i++) {
      peer.sip();
      await pause();
    }
    peer.header();
    peer.received = peer.received.slice(256 * 1024);
    assertEquals(peer.header(), PROBE);
    for (const [ms, probes] of [[980, 1], [50, 2]] as const) {
      clock.advance(ms);
      await all.rest();
      peer.sip();
      await all.rest();
      const frames = peer.received.length > PROBE.length ? 2 : 1;
      assertEquals([frames, closes.length], [probes, 0], `${ms} ms`);
    }
  });

  Deno.test(`a probe that was answered late, as it left late, is answered: a ${role}`, async () => {
    await using all = await stage(isClient, "automatic");
    const { wsi, peer, clock, closes } = all;
    for (let round = 0; round < 3; round++) {
      wsi.write(new Uint8Array(256 * 1024), "binary");
      await all.rest();
      for (let i = 0; i < 20; i++) {
        clock.advance(1_000);
        await pause();
      }
      for (let i = 0; i < 10; i++) {
        peer.sip();
        await pause();
      }
      peer.header();
      peer.received = peer.received.slice(256 * 1024);
      assertEquals(peer.header(), PROBE);
      clock.advance(900);
      // Any byte is a sign of life.
      peer.send(all.frame(10));
      peer.received = new Uint8Array(0);
      await all.rest();
    }
    assertEquals(closes, []);
  });

  Deno.test(`what goes out at once tells nothing of the peer, who is probed all the same: a ${role}`, async () => {
    using _log = captureLog([]);
    await using all = await stage(isClient, "automatic");
    const { wsi, peer, clock, closes } = all;
    // What was stuck once is not for ever.
    wsi.write(new Uint8Array(256 * 1024), "binary");
    for (let i = 0; i < 4; i++) {
      await all.rest();
      clock.advance(1_000);
    }
    for (let i = 0; i < 10; i++) {
      peer.sip();
      await pause();
    }
    let seconds = 0;
    while (closes.length === 0 && seconds < 10) {
      wsi.write(`tick ${seconds}`);
      await pause();
      clock.advance(1_000);
      peer.sip();
      await pause();
      seconds++;
    }
    assertEquals(closes.map(({ cause }) => cause), ["keepAlive"]);
    assert(seconds <= 5, `${seconds} s`);
  });
}

// Real sockets.

interface Wire {
  /** The peer's end. */
  readonly conn: Deno.Conn;
  readonly context: Context;
  readonly stop: () => void;
}

/** Our end on a real network, by a clock that the test moves. */
async function wire(
  isClient: boolean,
  isTls: boolean,
  protocol: Protocol,
  clock: FakeClock,
): Promise<Wire> {
  const { cert, key } = made.localhost;
  const common = { clock, ...PROBING, protocols: [protocol] };
  if (!isClient) {
    const tls = isTls ? { sslCertFilepath: cert, sslPrivateKeyFilepath: key } : {};
    const context = createContext({ ...common, ...tls, port: 0, iface: "127.0.0.1" });
    const target = { hostname: "127.0.0.1", port: context.port };
    const conn = isTls
      ? await Deno.connectTls({ ...target, caCerts: [made.ca.cert] })
      : await Deno.connect(target);
    return { conn, context, stop: () => {} };
  }
  const target = { hostname: "127.0.0.1", port: 0 };
  const listener = isTls ? Deno.listenTls({ ...target, cert, key }) : Deno.listen(target);
  const { port } = listener.addr as Deno.NetAddr;
  const tls = isTls ? { sslCaFilepath: made.ca.cert, options: { disableOsCaCerts: true } } : {};
  const context = createContext({ ...common, ...tls, port: CONTEXT_PORT_NO_LISTEN });
  context.clientConnect({ address: "127.0.0.1", port, ssl: isTls ? 1 : 0 });
  return { conn: await listener.accept(), context, stop: () => listener.close() };
}

for (const role of ["server", "client"] as const) {
  for (const transport of ["TCP", "TLS"] as const) {
    Deno.test(`a slow peer of a ${role} over ${transport} gets a large message whole, and its probes behind it`, async () => {
      const isClient = role === "client";
      const clock = new FakeClock();
      const closes: CloseInfo[] = [];
      const { protocol, wsi } = captive(closes);
      const { conn, context, stop } = await wire(isClient, transport === "TLS", protocol, clock);
      const reader = new ConnReader(conn);
      try {
        if (isClient) await reader.send(answerTo(await reader.head()));
        else {
          await reader.send(handshake());
          await reader.head();
        }
        const connection = await wsi;
        assertEquals(connection.write(new Uint8Array(LARGE), "binary"), LARGE);
        const { opcode, length } = await reader.header();
        assertEquals([opcode, length], [2, LARGE]);
        for (let taken = 0; taken < LARGE;) {
          taken += (await reader.bytes(Math.min(SIP, LARGE - taken))).length;
          // What the system has taken over is out of sight, so that no time goes by for it.
          if (connection.unsentBytes > 100) clock.advance(10 * SIP_MS);
        }
        assertEquals(closes, []);
        await reader.send(
          frame({ opcode: 1, payload: "still there?", ...(isClient ? {} : { key: KEY }) }),
        );
        for (;;) {
          const next = await reader.header();
          await reader.bytes(next.length);
          if (next.opcode === 1) break;
          assertEquals(next.opcode, 9);
        }
        assertEquals(closes, []);
      } finally {
        conn.close();
        stop();
        await context.destroy({ graceMs: 0 });
      }
    });
  }
}

/** Reads a connection in order. */
class ConnReader {
  readonly #conn: Deno.Conn;
  #rest = new Uint8Array(0);

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  async send(data: string | Uint8Array): Promise<void> {
    let bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    while (bytes.length > 0) bytes = bytes.subarray(await this.#conn.write(bytes));
  }

  async bytes(count: number): Promise<Uint8Array> {
    while (this.#rest.length < count) {
      const buffer = new Uint8Array(SIP);
      const read = await this.#conn.read(buffer);
      if (read === null) throw new Error("the connection has ended");
      const both = new Uint8Array(this.#rest.length + read);
      both.set(this.#rest);
      both.set(buffer.subarray(0, read), this.#rest.length);
      this.#rest = both;
    }
    const bytes = this.#rest.slice(0, count);
    this.#rest = this.#rest.slice(count);
    return bytes;
  }

  async head(): Promise<string> {
    let text = "";
    while (!text.endsWith("\r\n\r\n")) text += String.fromCharCode(...await this.bytes(1));
    return text;
  }

  /** A frame's header, the masking key included. */
  async header(): Promise<{ opcode: number; length: number }> {
    const [first, second] = await this.bytes(2) as unknown as [number, number];
    const short = second & 127;
    let length = short;
    if (short === 126) length = new DataView((await this.bytes(2)).buffer).getUint16(0);
    if (short === 127) length = new DataView((await this.bytes(8)).buffer).getUint32(4);
    if (second >= 128) await this.bytes(4);
    return { opcode: first & 15, length };
  }
}
