/**
 * A stream that has lost its end, and is the same one by its name and the time when it was made: its server has lost
 * power, or was restored from an elder copy. Sequences are given a second time then, so that it must not pass for the
 * count that it was. Which count it is stands in the description of the stream.
 */

import { COUNT } from "./epoch.ts";
import type { JetStream, StreamInfo } from "./jetstream.ts";
import type { Shard } from "../shard.ts";

/** Whether what was heard of last is not there any more, or is another message. */
export async function isRewound(
  api: JetStream,
  { stream, mark }: Shard,
  { state }: StreamInfo,
): Promise<boolean> {
  if (state.last_seq < mark.sequence) return true;
  if (mark.sequence === 0) return false;
  const found = await api.read(stream, { seq: mark.sequence }, true);
  // It may have gone by its age, or as others have come.
  return found !== undefined && !equal(found.data, mark.data);
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Has the stream be of another count, for all contexts: each hears that it was changed. */
export async function beginAnew(api: JetStream, { config }: StreamInfo): Promise<StreamInfo> {
  const count = crypto.getRandomValues(new Uint32Array(1))[0]!.toString(36);
  return await api.update({ ...config, description: `${COUNT}${count}` });
}
