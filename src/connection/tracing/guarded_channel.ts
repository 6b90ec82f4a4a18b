/** Channels of `node:diagnostics_channel` whose subscribers may throw. */

import { type Channel, channel, type ChannelListener } from "node:diagnostics_channel";
import { line, log, own, thrown } from "../../base/log.ts";

/** What a channel can do, in its state of the moment: with subscribers it has another prototype than without. */
function methodsOf(guarded: Channel): Channel {
  return Object.getPrototypeOf(guarded);
}

/**
 * The channel of a name. By itself a channel makes an uncaught error of what a subscriber throws, which would end
 * the program: a server must not go down with its tracer. Here it is a line in the log.
 */
export function guardedChannel(name: string): Channel {
  const guarded = channel(name);
  const guards = new WeakMap<ChannelListener, ChannelListener>();
  const isGuard = new WeakSet<ChannelListener>();
  const guardOf = (listener: ChannelListener): ChannelListener => {
    // What is no function is refused by the channel itself, and a guard comes here again from there.
    if (typeof listener !== "function" || isGuard.has(listener)) return listener;
    let guard = guards.get(listener);
    if (guard === undefined) {
      guard = (message, channelName) => {
        try {
          listener(message, channelName);
        } catch (error) {
          log("err", () => line`a subscriber of ${own(name)} threw: ${thrown(error)}`);
        }
      };
      guards.set(listener, guard);
      isGuard.add(guard);
    }
    return guard;
  };
  return Object.assign(guarded, {
    subscribe: (listener: ChannelListener) =>
      methodsOf(guarded).subscribe.call(guarded, guardOf(listener)),
    unsubscribe: (listener: ChannelListener) =>
      methodsOf(guarded).unsubscribe.call(guarded, guardOf(listener)),
  });
}
