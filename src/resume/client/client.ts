/** The client's side of `lws.resume.v1`: one function, which needs nothing outside of it but a `WebSocket`. */

import type { ResumeClient, ResumeClientOptions, ResumeSocket } from "./types.ts";
import type { Bytes, Entry, Told } from "./state.ts";

/**
 * Connects to a server of {@linkcode resumable}, and connects again whenever the connection is lost, after waits at
 * random (full jitter). Each topic goes on where it was: no message comes twice, and what is missed is told.
 *
 * A position moves by what is handed to `onMessage`, as it is called: a message whose handler throws counts as
 * handed, and is not repeated.
 *
 * @category Client
 * @param target The server's URL, or what makes a new `WebSocket` each time, as for a URL with a token that ages.
 * @throws {DOMException} `SyntaxError` for a URL that is none, as `WebSocket` does.
 * @throws {RangeError} For an option that is no time, by its name.
 *
 * @example
 * ```ts
 * import { createContext, memoryBroker } from "@x/lws";
 * import { resumable, resumeClient } from "@x/lws/resume";
 *
 * await using context = createContext({
 *   port: 0,
 *   iface: "127.0.0.1",
 *   broker: memoryBroker({ historySize: 100 }),
 *   protocols: [resumable({ authorize: (_wsi, _user, topic) => topic === "news" })],
 * });
 * const before = await context.publish("news", "It rains.");
 * await context.publish("news", "The sun shines.");
 *
 * const client = resumeClient(`ws://127.0.0.1:${context.port}/`);
 * const missed = await new Promise((onMessage) => {
 *   client.subscribe("news", { since: before, onMessage });
 * });
 * if (missed !== "The sun shines.") throw new Error(`${missed}`);
 * client.close();
 * ```
 */
export function resumeClient(
  target: string | URL | (() => ResumeSocket),
  options: ResumeClientOptions = {},
): ResumeClient {
  const { minDelayMs = 500, maxDelayMs = 20_000, idleMs = 30_000, random = Math.random } = options;
  const { protocol = "lws.resume.v1", signal, clock } = options;
  // Node has no such function; an unhandled rejection is the same there.
  const { onError = globalThis.reportError ?? Promise.reject.bind(Promise) } = options;
  const entries = new Map<string, Entry>();
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let [isOpen, isClosed, attempts, lastId, silence] = [false, signal?.aborted ?? false, 0, 0, 0];
  let [socket, timer]: [socket?: ResumeSocket, timer?: unknown] = [];
  Object.entries({ minDelayMs, maxDelayMs, idleMs }).forEach(([name, ms]) => {
    if (!(ms >= 1)) throw new RangeError(`resumeClient: ${name} is ${ms}; allowed: from 1`);
  });

  const later = (f: () => void, ms: number) => clock ? clock.setTimer(f, ms) : setTimeout(f, ms);
  const cancel = (id: unknown) => clock ? clock.clearTimer(id) : clearTimeout(id as number);
  const delayOf = (tries: number) => random() * Math.min(maxDelayMs, minDelayMs * 2 ** tries);
  /** Whether it has not thrown. */
  const guarded = (call: () => void): boolean => {
    try {
      return call(), true;
    } catch (error) {
      return onError(error), false;
    }
  };

  function connect(): void {
    socket = typeof target === "function" ? target() : new WebSocket(target, protocol);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      isOpen = true;
      entries.forEach(ask);
      guarded(() => options.onOpen?.());
    };
    socket.onmessage = ({ data }: { data: string | ArrayBuffer }) => {
      silence = 0;
      const take = () => typeof data === "string" ? told(JSON.parse(data)) : unpack(data);
      if (guarded(take)) attempts = 0;
      else lost(1007, "not understood");
    };
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => lost(code, reason);
    if (idleMs < Infinity) timer = later(watch, idleMs);
  }

  function watch(): void {
    if (!isOpen || silence > 1) return lost(1006, "silent");
    if (++silence > 1) socket!.send('{"p":0}');
    timer = later(watch, idleMs);
  }

  /** A peer that is gone answers no closing handshake, so that the end of that is not waited for. */
  function lost(code: number, reason: string): void {
    cancel(timer);
    entries.forEach(leave);
    [isOpen, silence] = [false, 0];
    if (socket !== undefined) socket.onopen = socket.onmessage = socket.onclose = null;
    socket?.close(1000);
    socket = undefined;
    if (isClosed) return;
    const delayMs = delayOf(attempts++);
    timer = later(() => guarded(connect) || lost(1006, "not connected"), delayMs);
    guarded(() => options.onLost?.({ code, reason, delayMs }));
  }

  function ask(entry: Entry): void {
    const { topic, position } = entry;
    const since = position && { e: position.epoch, o: position.offset };
    entry.id = ++lastId;
    socket!.send(JSON.stringify({ s: entry.id, t: topic, ...since }));
  }

  function leave(entry: Entry): void {
    cancel(entry.timer);
    [entry.id, entry.isLive] = [0, false];
  }

  /** What is none would have another server refuse the connection each time. */
  const placeOf = (epoch: string, offset: number) => {
    const isPlace = typeof epoch === "string" && Number.isSafeInteger(offset) && offset >= 0;
    if (isPlace) return { epoch, offset };
    throw new TypeError(`${epoch} ${offset} is no position`);
  };

  function told({ s, t, e, o, g, w = 0, x, r, d }: Told): void {
    const entry = s ? [...entries.values()].find(({ id }) => id === s) : entries.get(t!);
    if (t === undefined && d !== undefined) guarded(() => options.onData?.(d));
    if (entry === undefined) return;
    if (x !== undefined) return refused(entry, x);
    if (!s && !g) return deliver(entry.topic, e, o, d === undefined ? d : `${d}`);
    if (!s && !entry.isLive) return;
    const cause = g ?? (e === entry.position?.epoch ? "trimmed" : "epoch");
    const position = entry.position = placeOf(e, o);
    if (s) [entry.isLive, entry.attempts] = [true, 0];
    if (s) guarded(() => entry.onBegin?.(position));
    if (!r) guarded(() => entry.onGap?.({ position, cause, waitMs: random() * (w > 0 ? w : 0) }));
  }

  function refused(entry: Entry, reason: string): void {
    leave(entry);
    const again = () => entry.timer = later(() => ask(entry), delayOf(entry.attempts++));
    if (reason === "unavailable") return void again();
    entries.delete(entry.topic);
    const complain = () => onError(new Error(`subscribe: ${entry.topic} is refused: ${reason}`));
    guarded(() => (entry.onRefused ?? complain)(reason as "forbidden"));
  }

  function deliver(topic: string, epoch: string, offset: number, data?: string | Bytes): void {
    const entry = entries.get(topic);
    if (!entry?.isLive) return;
    // What has no place leaves the position as it is.
    if (offset && entry.position?.epoch === epoch && offset <= entry.position.offset) return;
    if (offset) entry.position = placeOf(epoch, offset);
    if (data !== undefined) guarded(() => entry.onMessage(data, entry.position!));
  }

  /** A publication in bytes: 1, topic, epoch, offset, data; in front of a text its length. */
  function unpack(data: ArrayBuffer): void {
    const bytes = new Uint8Array(data);
    let at = 1;
    const number = (): number => {
      const byte = bytes[at++];
      if (byte === undefined) throw new RangeError("a message is cut short");
      return byte < 128 ? byte : byte - 128 + 128 * number();
    };
    const text = (size = number()) => decoder.decode(bytes.subarray(at, at += size));
    if (bytes[0] === 1) deliver(text(), text(), number(), bytes.subarray(at));
  }

  function close(): void {
    isClosed = true;
    signal?.removeEventListener("abort", close);
    lost(1000, "");
  }

  if (!isClosed) connect();
  signal?.addEventListener("abort", close);
  return {
    subscribe(topic, { since: position, ...callbacks }) {
      if (isClosed) throw new Error("subscribe: the client is closed");
      if (entries.has(topic)) throw new Error(`subscribe: ${topic} is subscribed to already`);
      const entry = { ...callbacks, topic, position, id: 0, isLive: false, attempts: 0 } as Entry;
      entries.set(topic, entry);
      if (isOpen) ask(entry);
      const unsubscribe = () => {
        if (entries.get(topic) !== entry) return;
        entries.delete(topic);
        if (entry.id > 0) socket!.send(JSON.stringify({ u: topic }));
        leave(entry);
      };
      return {
        topic,
        unsubscribe,
        get position() {
          return entry.position;
        },
      };
    },
    send(data) {
      const isBytes = data instanceof ArrayBuffer || ArrayBuffer.isView(data);
      if (isOpen) socket!.send(isBytes ? data as Bytes : JSON.stringify({ d: data ?? null }));
      return isOpen;
    },
    close,
  };
}
