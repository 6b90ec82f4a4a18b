/** Sockets that are played by hand, and a client of them. */

import {
  type ResumeClient,
  resumeClient,
  type ResumeClientOptions,
  type ResumeSocket,
  type ResumeSubscribing,
} from "../../../../src/resume/client/mod.ts";
import { FakeClock } from "../../../../src/testing/fake_clock.ts";

type Listener = ((event: never) => void) | null;

export class PlayedSocket implements ResumeSocket {
  binaryType = "blob";
  onopen: Listener = null;
  onmessage: Listener = null;
  onclose: Listener = null;
  /** What was sent; the code of `close` as `"close 1000"`. */
  readonly sent: unknown[] = [];

  send(data: string | Uint8Array): void {
    this.sent.push(typeof data === "string" ? JSON.parse(data) : data);
  }

  close(code?: number): void {
    this.sent.push(`close ${code}`);
  }

  open(): void {
    this.onopen?.({} as never);
  }

  /** A message of the server's: a text, bytes, or something for JSON. */
  say(...messages: unknown[]): void {
    for (const each of messages) {
      const isBytes = each instanceof Uint8Array;
      const data = isBytes ? each.slice().buffer : typeof each === "string" ? each : undefined;
      this.onmessage?.({ data: data ?? JSON.stringify(each) } as never);
    }
  }

  end(code = 1006, reason = ""): void {
    this.onclose?.({ code, reason } as never);
  }

  /** What was sent since it was last asked for. */
  take(): unknown[] {
    return this.sent.splice(0);
  }
}

export interface PlayedClient {
  readonly client: ResumeClient;
  readonly clock: FakeClock;
  readonly sockets: PlayedSocket[];
  readonly errors: unknown[];
  /** The last one. */
  readonly socket: PlayedSocket;
  /** What a topic was handed, in order. */
  follow(topic: string, more?: Partial<ResumeSubscribing>): {
    readonly got: unknown[];
    readonly subscription: ReturnType<ResumeClient["subscribe"]>;
  };
}

export function play(options: ResumeClientOptions = {}): PlayedClient {
  const clock = new FakeClock();
  const sockets: PlayedSocket[] = [];
  const errors: unknown[] = [];
  const make = () => {
    sockets.push(new PlayedSocket());
    return sockets.at(-1)!;
  };
  const onError = (error: unknown) => void errors.push(error);
  const client = resumeClient(make, { clock, random: () => 0.5, onError, ...options });
  return {
    client,
    clock,
    sockets,
    errors,
    get socket() {
      return sockets.at(-1)!;
    },
    follow(topic, more) {
      const got: unknown[] = [];
      const subscription = client.subscribe(topic, {
        onMessage: (data, { offset }) => void got.push([data, offset]),
        onGap: ({ cause, position, waitMs }) => void got.push([cause, position.offset, waitMs]),
        onRefused: (reason) => void got.push(reason),
        ...more,
      });
      return { got, subscription };
    },
  };
}

/** The answer to a subscription, and a message. */
export const answer = (s: number, o: number, r = true, e = "a") => ({ s, e, o, r });
export const message = (t: string, o: number, d: string, e = "a") => ({ t, e, o, d });
