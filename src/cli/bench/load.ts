/** A load on an echo server: connections, each with some messages under way. */

import type { Protocol } from "../../api/protocol.ts";
import type { Clock } from "../../api/service.ts";
import type { Wsi } from "../../api/wsi.ts";
import { Histogram } from "./histogram.ts";

/** How much of it. */
export interface LoadPlan {
  readonly connections: number;
  /** Messages under way on each connection. */
  readonly pipeline: number;
  /** Bytes of each message. */
  readonly size: number;
  readonly seconds: number;
}

/** One connection: when each message that is under way was sent, the oldest at `oldest`. */
interface Lane {
  wsi: Wsi | undefined;
  readonly sentAt: Float64Array;
  oldest: number;
  underWay: number;
  /** Bytes of the message that is coming back. */
  received: number;
}

const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789 ";

/** All connections, and what came of them. */
export class Load {
  readonly plan: LoadPlan;
  readonly protocol: Protocol<Lane>;
  readonly latencies = new Histogram();
  readonly #clock: Clock;
  readonly #message: Uint8Array;
  readonly #lanes = new Set<Lane>();
  #isRunning = false;
  #startedAt = 0;
  #stoppedAt = 0;
  #isCompressed = false;
  #lost = 0;
  #fault: string | undefined;
  #wake: (() => void) | undefined;

  constructor(plan: LoadPlan, clock: Clock) {
    this.plan = plan;
    this.#clock = clock;
    this.#message = textOf(plan.size);
    this.protocol = { name: "bench", ...this.#members() };
  }

  /** Connections that are open. */
  get open(): number {
    return this.#lanes.size;
  }

  /** Connections that have ended before they should. */
  get lost(): number {
    return this.#lost;
  }

  /** Messages that have come back. */
  get messages(): number {
    return this.latencies.count;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Whether permessage-deflate was agreed on. */
  get isCompressed(): boolean {
    return this.#isCompressed;
  }

  /** Why it can't go on. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Milliseconds from its start to its stop, or until now. */
  get elapsedMs(): number {
    if (this.#startedAt === 0) return 0;
    return (this.#isRunning ? this.#clock.now() : this.#stoppedAt) - this.#startedAt;
  }

  /** Sends the first messages. */
  start(): void {
    this.#isRunning = true;
    // Of a clock that begins at 0, 0 is no time.
    this.#startedAt = this.#clock.now() || Number.MIN_VALUE;
    for (const lane of this.#lanes) {
      for (let i = 0; i < this.plan.pipeline; i++) this.#send(lane);
    }
  }

  /** Sends no more, and counts no more. */
  stop(): void {
    if (!this.#isRunning) return;
    this.#stoppedAt = this.#clock.now();
    this.#isRunning = false;
    this.#tell();
  }

  /** Says goodbye. */
  close(): void {
    for (const { wsi } of this.#lanes) wsi?.close(1000);
  }

  /** Resolves when something is different: a connection is open or gone, it has stopped, the signal has aborted. */
  async change(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
  }

  /** How it goes, in one line. */
  progress(): string {
    const seconds = this.elapsedMs / 1000;
    const rate = seconds === 0 ? 0 : this.messages / seconds;
    const of = `${seconds.toFixed(1)} of ${this.plan.seconds} s`;
    return `${of}: ${Math.round(rate).toLocaleString("en")} messages/s`;
  }

  #members(): Pick<Protocol<Lane>, "perSessionData" | "callback"> {
    return {
      perSessionData: () => ({
        wsi: undefined,
        sentAt: new Float64Array(this.plan.pipeline),
        oldest: 0,
        underWay: 0,
        received: 0,
      }),
      callback: (wsi, reason, lane, data) => {
        switch (reason) {
          case "clientReceive":
            return this.#onPiece(wsi, lane, data);
          case "clientEstablished":
            lane.wsi = wsi;
            this.#lanes.add(lane);
            this.#isCompressed ||= wsi.extensions.length > 0;
            this.#tell();
            break;
          case "clientConnectionError":
            this.#fail(data);
            break;
          case "closed":
            this.#onClosed(lane, data.code);
            break;
        }
      },
    };
  }

  #send(lane: Lane): void {
    const { sentAt } = lane;
    sentAt[(lane.oldest + lane.underWay) % sentAt.length] = this.#clock.now();
    lane.underWay++;
    lane.wsi!.write(this.#message, "text");
  }

  #onPiece(wsi: Wsi, lane: Lane, piece: Uint8Array): void {
    lane.received += piece.length;
    if (wsi.remainingPacketPayload > 0 || !wsi.isFinalFragment) return;
    const { received } = lane;
    lane.received = 0;
    if (!this.#isRunning) return;
    if (lane.underWay === 0 || received !== this.plan.size) {
      const what = lane.underWay === 0 ? "was not asked for" : `is for one of ${this.plan.size}`;
      return this.#fail(`it is no echo server: a message of ${received} bytes came, which ${what}`);
    }
    this.latencies.add((this.#clock.now() - lane.sentAt[lane.oldest]!) * 1000);
    lane.oldest = (lane.oldest + 1) % lane.sentAt.length;
    lane.underWay--;
    this.#send(lane);
  }

  #onClosed(lane: Lane, code: number): void {
    this.#lanes.delete(lane);
    if (this.#isRunning) {
      this.#lost++;
      if (this.#lanes.size === 0) this.#fail(`the server has closed all connections, with ${code}`);
    }
    this.#tell();
  }

  #fail(why: string): void {
    this.#fault ??= why;
    this.stop();
    this.#tell();
  }

  #tell(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

/** Text without much of a pattern, of so many bytes. */
function textOf(size: number): Uint8Array {
  const text = new Uint8Array(size);
  let state = 1;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    text[i] = LETTERS.charCodeAt((state >>> 16) % LETTERS.length);
  }
  return text;
}
