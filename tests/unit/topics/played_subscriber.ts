/** Subscribers that are played by hand, and the messages that they get. */

import type { LwsError, PresenceChange, Publication, TopicGap, TopicLag } from "../../../mod.ts";
import type {
  Delivery,
  Messages,
  Publishable,
  Subscriber,
} from "../../../src/topics/subscriber.ts";

export interface Message extends Publishable {
  readonly text: string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function message(text: string): Message {
  const payload = encoder.encode(text);
  return { text, payload, byteLength: payload.length, isBinary: false };
}

/** What an encoder of these tests is. */
export interface PlayedEncoder {
  encode(publication: Publication): string | undefined;
}

export function messages(hasEncoders = false): Messages<Message> {
  return {
    hasEncoders,
    of: (data) => message(decoder.decode(data)),
    encode(played, publication) {
      const text = (played as PlayedEncoder).encode(publication);
      return text === undefined ? undefined : message(text);
    },
  };
}

let count = 0;

export class Played implements Subscriber<Message> {
  readonly socketFd = ++count;
  /** The texts of messages, and what was told between them. */
  readonly got: string[] = [];
  readonly gaps: TopicGap[] = [];
  readonly lags: TopicLag[] = [];
  readonly encoder: PlayedEncoder | undefined;
  hearsPresence = false;
  readonly changes: PresenceChange[] = [];
  isEstablished = true;
  unsent = 0;
  lagged = 0;
  /** What becomes of a message, in place of being taken. */
  answer: ((text: string) => Delivery | "taken") | undefined;
  /** Called when it is told. */
  onTold: ((what: TopicGap | TopicLag) => void) | undefined;
  /** Whether what it gets is unsent for good. */
  isStuck = false;

  constructor(encoder?: PlayedEncoder) {
    this.encoder = encoder;
  }

  deliver({ text, byteLength }: Message): Delivery {
    const answer: Delivery | "taken" = this.answer?.(text) ?? "taken";
    if (answer !== "taken") return answer as typeof answer & (undefined | LwsError);
    this.got.push(text);
    if (this.isStuck) this.unsent += byteLength;
  }

  closeLagging(): void {
    this.lagged++;
  }

  tellLagging(lag: TopicLag): void {
    this.lags.push(lag);
    this.got.push("(lagging)");
    this.onTold?.(lag);
  }

  tellGap(gap: TopicGap): void {
    this.gaps.push(gap);
    this.got.push(`(gap: ${gap.cause})`);
    this.onTold?.(gap);
  }

  hasFailed(): void {
    this.got.push("(failed)");
  }

  tellPresence(change: PresenceChange): void {
    this.changes.push(change);
    const keysOf = (kind: "joins" | "updates" | "leaves") =>
      change[kind].map(({ key }) => `${kind} ${key}`);
    this.got.push(`(${[...keysOf("joins"), ...keysOf("updates"), ...keysOf("leaves")].join()})`);
  }
}
