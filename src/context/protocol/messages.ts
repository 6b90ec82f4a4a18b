/** Whole messages out of the pieces in which a callback gets them. */

import type { AnyMethod } from "./method_table.ts";
import { MessageGatherer } from "../../connection/messages/gathering.ts";

/** Hands whole messages to a method, out of the pieces that the result is called with. */
export function gatherMessages(onMessage: AnyMethod): AnyMethod {
  const gatherer = new MessageGatherer();
  return (wsi, user, piece) => {
    const message = gatherer.take(wsi, piece as Uint8Array);
    return message === undefined ? undefined : onMessage(wsi, user, message);
  };
}
