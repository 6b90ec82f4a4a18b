/** Which count the sequences of a stream are of. */

import type { StreamInfo } from "./jetstream.ts";

/** What the description of a stream begins with that was begun anew. */
export const COUNT = "lws count ";

/** The epoch of a stream: when it was made, in as few letters as may be. */
export function epochOf(info: Pick<StreamInfo, "config" | "created">): string {
  return timeOf(info.created) + countOf(info);
}

function timeOf(created: string): string {
  const [seconds = "", rest = ""] = created.split(".");
  const nanos = rest.replace(/\D.*$/, "").padEnd(9, "0").slice(0, 9);
  const ms = Date.parse(`${seconds.replace(/Z$/, "")}Z`);
  if (Number.isNaN(ms)) return created;
  return (BigInt(ms) * 1_000_000n + BigInt(nanos)).toString(36);
}

/** What tells counts of one stream apart; empty for the first. */
function countOf({ config }: Pick<StreamInfo, "config">): string {
  const { description } = config;
  if (typeof description !== "string" || !description.startsWith(COUNT)) return "";
  return `.${description.slice(COUNT.length)}`;
}
