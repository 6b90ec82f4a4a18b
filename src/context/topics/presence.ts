/** What programs get as `context.presence`. */

import type {
  Presence,
  PresenceEntry,
  PresenceOptions,
  PresenceQuery,
} from "../../api/topics/presence.ts";
import type { Wsi } from "../../api/wsi.ts";
import { behind, Face } from "../../base/face.ts";
import type { Framed } from "../../connection/prepared_message.ts";
import { count, join, leave, list } from "../../connection/topics/presence_calls.ts";
import type { TopicCalls } from "../../topics/topics.ts";

const topicsOf = behind<TopicCalls<Framed>>;

/** Has nothing that `Presence` has not. */
export class PresenceFace extends Face<TopicCalls<Framed>> implements Presence {
  /** What a log or a debugger shows of it. */
  get [Symbol.toStringTag](): string {
    return "Presence";
  }

  join(wsi: Wsi, topic: string, options?: PresenceOptions): Promise<void> {
    return join(topicsOf(this), wsi, topic, options);
  }

  leave(wsi: Wsi, topic: string): Promise<void> {
    return leave(topicsOf(this), wsi, topic);
  }

  list(topic: string, options?: PresenceQuery): Promise<PresenceEntry[]> {
    return list(topicsOf(this), topic, options);
  }

  count(topic: string): Promise<number> {
    return count(topicsOf(this), topic);
  }
}
