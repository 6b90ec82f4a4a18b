/** All targets, by their names. */

import type { Target } from "./target.ts";
import { FRAME_TARGETS } from "./targets/frames.ts";
import { HTTP_TARGETS } from "./targets/http.ts";
import { UPGRADE_TARGETS } from "./targets/upgrades.ts";
import { INFLATE_TARGETS } from "./targets/inflate.ts";
import { PREFACE_TARGETS } from "./targets/prefaces.ts";
import { TEXT_TARGETS } from "./targets/texts.ts";
import { WRITTEN_TARGETS } from "./targets/written.ts";
import { WIRE_TARGETS } from "./targets/wires.ts";

export const TARGETS: readonly Target[] = [
  ...FRAME_TARGETS,
  ...WRITTEN_TARGETS,
  ...HTTP_TARGETS,
  ...UPGRADE_TARGETS,
  ...INFLATE_TARGETS,
  ...PREFACE_TARGETS,
  ...TEXT_TARGETS,
  ...WIRE_TARGETS,
];

/**
 * Those of the names, or all without a name.
 *
 * @throws {RangeError} naming one that there is not
 */
export function targetsOf(names: readonly string[]): readonly Target[] {
  if (names.length === 0) return TARGETS;
  return names.map((name) => {
    const target = TARGETS.find((each) => each.name === name);
    if (target !== undefined) return target;
    throw new RangeError(
      `--target ${name}: allowed are ${TARGETS.map((it) => it.name).join(", ")}`,
    );
  });
}
