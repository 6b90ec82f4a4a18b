/** The rules of the options for versions of the protocol and subprotocols, and their checks. */

import type { SubprotocolPolicy, WireInfo } from "../../api/creation/wire_info.ts";
import type { Inquiry, Rule } from "../../base/option_rules.ts";
import {
  type Draft04Masking,
  DRAFT_04_MASKINGS,
  WIRE_VERSIONS,
  type WireVersion,
} from "../../core/websocket/wire_version.ts";

type Ask = Inquiry<unknown>;

/** What there is, as complaints and the docs say it. */
const NAMES = WIRE_VERSIONS.map((each) => JSON.stringify(each)).join(", ");

/** The rules of {@linkcode WireInfo}. */
export const WIRE_RULES = {
  versions: {
    kind: "list",
    allowed: `an array of one or more of ${NAMES}, none twice`,
    default: "`[13]`",
    about:
      "The versions of the protocol that servers speak, in the order that a 426 lists them in.",
    check: checkVersions,
  },
  draft04Masking: {
    kind: "text",
    allowed: DRAFT_04_MASKINGS.map((each) => `"${each}"`).join(" or "),
    default: '`"draft"`',
    about: "How clients of version 4 mask: as the draft says, or as libwebsockets of its time did.",
    check: checkDraft04Masking,
  },
  subprotocols: {
    kind: "text",
    allowed: '"required" or "optional"',
    default: '`"required"`',
    about: "Whether a client is refused that names subprotocols, and none of a protocol here.",
    check: checkSubprotocols,
  },
} satisfies Record<keyof WireInfo, Rule<unknown, unknown>>;

function checkVersions(given: unknown, ask: Ask): readonly WireVersion[] {
  if (given === undefined) return [13];
  if (!Array.isArray(given) || given.length === 0) {
    ask.refuse(given);
    return [];
  }
  for (const [index, version] of given.entries()) {
    if (!WIRE_VERSIONS.includes(version)) ask.refusePart(`[${index}]`, version, `one of ${NAMES}`);
    else if (given.indexOf(version) < index) {
      ask.refusePart(`[${index}]`, version, "a version once");
    }
  }
  return [...given];
}

function checkDraft04Masking(given: unknown, ask: Ask): Draft04Masking {
  if (given === undefined) return "draft";
  if (!DRAFT_04_MASKINGS.includes(given as Draft04Masking)) ask.refuse(given);
  return given as Draft04Masking;
}

function checkSubprotocols(given: unknown, ask: Ask): SubprotocolPolicy {
  if (given === undefined) return "required";
  if (given !== "required" && given !== "optional") ask.refuse(given);
  return given as SubprotocolPolicy;
}
