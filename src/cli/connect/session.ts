/** One conversation with a server: what is sent, what is shown, and how it ends. */

import type { CloseInfo } from "../../api/reasons.ts";
import type { Wsi } from "../../api/wsi.ts";
import { handlers } from "../../context/handlers.ts";
import { CLOSE_STATUS } from "../../core/websocket/close.ts";
import type { Report } from "../report.ts";
import { type Action, HELP, type LineRules, readAction } from "./actions.ts";
import { harmless, payloadOf } from "./display.ts";

/** How a conversation goes. */
export interface Manner extends LineRules {
  /** Milliseconds from ping to ping; undefined sends none. */
  readonly pingMs: number | undefined;
  readonly showsPings: boolean;
  /** Whether it ends with the first message that comes. */
  readonly isOnce: boolean;
  readonly hasTimestamps: boolean;
  /** Whether lines are typed at a prompt: messages have a mark in front of them then. */
  readonly isInteractive: boolean;
  /** Whether subprotocols were asked for. */
  readonly asksProtocol: boolean;
  /** Whether it connects again; then these lines are sent anew. */
  readonly retries: boolean;
  readonly repeated: readonly string[];
}

/** The name of the protocol of a connection for which no subprotocol was agreed on. */
export const WITHOUT_SUBPROTOCOL = "lws-connect-without-subprotocol";

/** What the payloads of `--ping` begin with. */
const OWN_PING = "lws ";

/** From one look at what is still to be sent to the next. */
const LEAST_MS = 10;

/** Close codes with which a server ends what was done. */
const FINE: readonly number[] = [
  CLOSE_STATUS.normal,
  CLOSE_STATUS.goingaway,
  CLOSE_STATUS.noStatus,
];

/** A conversation, from its first connect to its end. */
export class Session {
  readonly #reasons = handlers({
    clientEstablished: (wsi) => this.#onEstablished(wsi),
    message: (wsi, _user, message) => this.#onMessage(wsi, message),
    clientReceivePing: (_wsi, _user, payload) => {
      if (this.#manner.showsPings) this.#report.note(`ping${payloadOf(payload)}`);
    },
    clientReceivePong: (_wsi, _user, payload) => this.#onPong(payload),
    clientWriteable: () => this.#wakeUp(),
    closed: (_wsi, _user, info) => this.#onClosed(info),
    clientConnectionError: (wsi, _user, why) => this.#onRefused(wsi, why),
    clientRetry: (wsi, _user, { delayMs }) => this.#onRetry(wsi, delayMs),
  });
  readonly callback: ReturnType<typeof handlers> = (...args) => {
    // A long message comes by and by, and is none before its end.
    if (args[1] === "clientReceive") this.#heardAt = this.#report.host.clock.now();
    return this.#reasons(...args);
  };
  readonly #manner: Manner;
  readonly #report: Report;
  readonly #shown: string;
  readonly #opened = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<number>();
  readonly #timers = new Set<unknown>();
  /** The connection while it is open. */
  #wsi: Wsi | undefined;
  /** The one that was lost, while another one is waited for. */
  #lost: Wsi | undefined;
  #connections = 0;
  #wake: (() => void) | undefined;
  /** Whether the closing handshake has begun here: then nothing more can be sent. */
  #isClosing = false;
  #isOver = false;
  /** Whether something that was asked for could not be done. */
  #hasFailed = false;
  #messages = 0;
  /** When the last piece of a message came, or the last line was sent. */
  #heardAt = 0;
  /** When each ping that is not answered was sent, by its payload. */
  readonly #pings = new Map<string, number>();
  #lastPing = 0;

  /** @param shown the URL, as it may be shown */
  constructor(manner: Manner, report: Report, shown: string) {
    this.#manner = manner;
    this.#report = report;
    this.#shown = shown;
  }

  /** Resolves when the connection is open for the first time, or the session is over. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /** Resolves with the exit code. */
  get over(): Promise<number> {
    return this.#over.promise;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Sends lines, each when there is room for it, and resolves when all were sent or it is over. */
  async send(lines: Iterable<string>): Promise<void> {
    for (const line of lines) {
      // What there is room for leaves in one turn, before an answer can end it.
      if (!this.#hasRoom && !await this.#room()) return;
      this.act(line);
    }
  }

  /** As {@linkcode send}, with lines that come by and by: one waits for room at most. */
  async sendFrom(lines: AsyncIterable<string>): Promise<void> {
    try {
      for await (const line of lines) {
        if (!this.#hasRoom && !await this.#room()) return;
        this.act(line);
      }
    } catch (error) {
      this.#fail(error);
      this.close();
    }
  }

  /** Does what a line says. */
  act(line: string): void {
    this.#heardAt = this.#report.host.clock.now();
    try {
      this.#perform(readAction(line, this.#manner));
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Ends it as one that was meant to end; one that waits to connect again has failed. */
  close(): void {
    if (this.#wsi !== undefined) {
      this.#isClosing = true;
      this.#wsi.close(CLOSE_STATUS.normal);
    } else if (this.#lost !== undefined) {
      this.#lost.close();
      this.#end(1);
    }
  }

  /** Ends it once nothing has come, and nothing has waited to be sent or shown, for so many milliseconds. */
  closeWhenQuiet(quietMs: number): void {
    if (quietMs === Infinity || this.#isOver) return;
    if (quietMs === 0) return this.close();
    const { clock } = this.#report.host;
    // While the output waits for its reader, or there is no connection, answers wait as well.
    const isBusy = this.#wsi === undefined || this.#wsi.unsentBytes > 0 || !this.#report.isWritten;
    if (isBusy) this.#heardAt = clock.now();
    const rest = this.#heardAt + quietMs - clock.now();
    if (rest <= 0 && !isBusy) return this.close();
    this.#after(Math.max(rest, LEAST_MS), () => this.closeWhenQuiet(quietMs));
  }

  #perform(action: Action): void {
    switch (action.kind) {
      case "text":
        return this.#write(action.text, "text");
      case "binary":
        return this.#write(action.bytes, "binary");
      case "ping":
        return this.#ping(action.payload);
      case "pong":
        return this.#write(action.payload, "pong");
      case "close":
        this.#isClosing = this.#wsi?.close(action.code, action.reason) === 0;
        return;
      case "help":
        for (const line of HELP) this.#report.note(line);
        return;
      case "fault":
        this.#hasFailed = true;
        this.#report.complainOf(action.why);
    }
  }

  #write(data: string | Uint8Array, kind: "text" | "binary" | "ping" | "pong"): void {
    const wsi = this.#wsi;
    if (wsi === undefined) throw new Error("there is no connection to send it over");
    wsi.write(data, kind);
  }

  #ping(payload: string): void {
    this.#write(payload, "ping");
    this.#pings.set(payload, this.#report.host.clock.now());
  }

  get #hasRoom(): boolean {
    return this.#wsi !== undefined && !this.#isClosing && !this.#wsi.partialBuffered;
  }

  /** Resolves when there is room, or with false once it is over. */
  async #room(): Promise<boolean> {
    while (!this.#isOver && !this.#hasRoom) {
      this.#wsi?.callbackOnWritable();
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return !this.#isOver;
  }

  #onEstablished(wsi: Wsi): void {
    this.#wsi = wsi;
    this.#lost = undefined;
    const extensions = wsi.extensions.length === 0 ? "" : `, ${wsi.extensions.join(", ")}`;
    this.#report.note(`connected to ${this.#shown}${this.#protocolOf(wsi)}${extensions}`);
    const { pingMs } = this.#manner;
    if (pingMs !== undefined) this.#pingAfter(wsi, pingMs);
    this.#opened.resolve();
    if (++this.#connections > 1) void this.send(this.#manner.repeated);
    this.#wakeUp();
  }

  #protocolOf(wsi: Wsi): string {
    if (!this.#manner.asksProtocol) return "";
    const { name } = wsi.protocol;
    return name === WITHOUT_SUBPROTOCOL ? ", without a subprotocol" : `, subprotocol ${name}`;
  }

  #onMessage(wsi: Wsi, message: string | Uint8Array): void {
    this.#messages++;
    this.#show(message);
    const resume = () => void wsi.rxFlowControl(true);
    if (this.#report.isBehind(resume)) wsi.rxFlowControl(false);
    if (this.#manner.isOnce) this.close();
  }

  #show(message: string | Uint8Array): void {
    const { isHex, isInteractive, hasTimestamps } = this.#manner;
    const report = this.#report;
    const time = hasTimestamps ? `${new Date().toISOString()} ` : "";
    const mark = isInteractive ? `${report.paint("received", "<")} ` : "";
    if (typeof message === "string") {
      report.say(time + mark + (report.isTerminal ? harmless(message) : message));
    } else if (isHex || report.isTerminal) {
      report.say(`${time}${mark}${isHex ? "" : "binary "}${message.toHex()}`);
    } else report.sayBytes(message);
  }

  #onPong(payload: Uint8Array): void {
    const key = new TextDecoder().decode(payload);
    const sentAt = this.#pings.get(key);
    this.#pings.delete(key);
    const isAsked = sentAt !== undefined;
    // Those of --ping are for the connection's sake.
    if (!this.#manner.showsPings && (!isAsked || key.startsWith(OWN_PING))) return;
    const ms = isAsked ? ` after ${(this.#report.host.clock.now() - sentAt).toFixed(1)} ms` : "";
    this.#report.note(`pong${payloadOf(payload)}${ms}`);
  }

  #pingAfter(wsi: Wsi, pingMs: number): void {
    this.#after(pingMs, () => {
      if (this.#wsi !== wsi) return;
      this.#ping(`${OWN_PING}${++this.#lastPing}`);
      this.#pingAfter(wsi, pingMs);
    });
  }

  #onClosed({ code, reason, wasClean, cause }: CloseInfo): void {
    this.#wsi = undefined;
    const text = reason === "" ? "" : `: ${harmless(reason)}`;
    const how = wasClean ? "" : `, not cleanly (${cause})`;
    this.#report.note(`closed with ${code}${text}${how}`);
    const isFine = cause === "self" ? wasClean : FINE.includes(code);
    const isDone = !this.#hasFailed && (!this.#manner.isOnce || this.#messages > 0);
    this.#endUnlessRetried(isFine && isDone ? 0 : 1);
  }

  #onRefused(wsi: Wsi, why: string): void {
    this.#report.complainOf(why);
    const body = wsi.hdrCopy("http body");
    if (body !== undefined && body !== "") this.#report.detail(harmless(body));
    this.#endUnlessRetried(1);
  }

  /** It comes behind the end of a connection, where another one will follow. */
  #onRetry(wsi: Wsi, delayMs: number): void {
    this.#lost = wsi;
    this.#report.note(`connects again in ${(delayMs / 1000).toFixed(1)} s`);
  }

  #endUnlessRetried(code: number): void {
    this.#lost = undefined;
    if (!this.#manner.retries) return this.#end(code);
    setImmediate(() => {
      if (this.#lost === undefined && this.#wsi === undefined) this.#end(code);
    });
  }

  #end(code: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const timer of this.#timers) this.#report.host.clock.clearTimer(timer);
    this.#timers.clear();
    this.#opened.resolve();
    this.#over.resolve(code);
    this.#wakeUp();
  }

  #fail(error: unknown): void {
    this.#hasFailed = true;
    this.#report.complain(error);
  }

  #after(ms: number, callback: () => void): void {
    if (this.#isOver) return;
    const timer = this.#report.host.clock.setTimer(() => {
      this.#timers.delete(timer);
      callback();
    }, ms);
    this.#timers.add(timer);
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
