/** The topics of a context: with a broker, or without. */

import type { MemoryBound } from "../../api/topics/broker.ts";
import type { TopicLimits } from "../../api/topics/limits.ts";
import { FramedMessages } from "../../connection/topics/messages.ts";
import type { Framed } from "../../connection/prepared_message.ts";
import type { CheckedInfo } from "../creation_options.ts";
import { wheelClock } from "../../service/wheel_clock.ts";
import type { TimerWheel } from "../../service/timer_wheel.ts";
import { BrokerHub } from "../../topics/broker/hub.ts";
import { Hub } from "../../topics/hub.ts";
import type { TopicCalls } from "../../topics/topics.ts";

/** What topics need of their context. Given by ServingContext. */
export interface TopicsOwner {
  readonly wheel: TimerWheel;
  onLimit(limit: keyof TopicLimits): void;
  onBrokerLimit(name: MemoryBound): void;
  /** Has work done in service, where the program serves; undefined where the context does. */
  readonly serve: ((work: () => void) => void) | undefined;
  tellState(isUp: boolean): void;
}

/** Makes them. */
export function topicsOf(
  { topics, broker, protocols }: CheckedInfo,
  { wheel, onLimit, onBrokerLimit, serve, tellState }: TopicsOwner,
): TopicCalls<Framed> {
  const setup = { limits: topics, messages: new FramedMessages(protocols), onLimit };
  if (broker === undefined) return new Hub({ ...setup, now: () => wheel.now(), serve });
  return new BrokerHub({
    ...setup,
    broker: broker.openNode?.() ?? broker,
    clock: wheelClock(wheel),
    serve,
    tellState,
    onBrokerLimit,
  });
}
