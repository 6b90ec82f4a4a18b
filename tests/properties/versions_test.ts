/** What was sent is what arrives, in order, in every version of the protocol and however it was read. */

import {
  bothReads,
  bothSizes,
  type ClientVersion,
  compression,
  exchange,
  type Sent,
  some,
} from "./exchange.ts";
import { checkAsync, fc } from "./support.ts";

const VERSIONS: readonly ClientVersion[] = [0, 4, 5, 6, 7, 8, 13];

/** What a version can carry: of the first one, text alone. */
function carriedBy(version: ClientVersion, sends: readonly Sent[]): Sent[] {
  if (version !== 0) return [...sends];
  return sends.filter(({ data }) => typeof data === "string")
    .map((each) => ({ ...each, pings: [], compress: undefined }));
}

for (const version of VERSIONS) {
  Deno.test(`version ${version}: what is sent arrives, both ways`, async () => {
    const given = fc.tuple(some, some, bothSizes, bothReads);
    await checkAsync({ seed: 31, numRuns: 60 }, given, async ([up, down, sizes, reads]) => {
      const [upwards, downwards] = [carriedBy(version, up), carriedBy(version, down)];
      await exchange([undefined, undefined], upwards, downwards, sizes, reads, version);
    });
  });
}

for (const version of VERSIONS.filter((each) => each !== 0 && each !== 13)) {
  Deno.test(`version ${version}: what is sent arrives, both ways, compressed`, async () => {
    const given = fc.tuple(compression, some, some, bothSizes, bothReads);
    const options = { seed: 32, numRuns: 40 };
    await checkAsync(options, given, async ([agreed, up, down, sizes, reads]) => {
      await exchange(agreed, up, down, sizes, reads, version);
    });
  });
}
