/** The labels that a program gives to all samples. */

import type { Labels } from "./families.ts";
import { isPlain, refuseArgument } from "../base/check.ts";

/** Prometheus keeps those that begin with two underscores for itself. */
const LABEL_NAME = /^(?!__)[A-Za-z_][A-Za-z0-9_]*$/;
/** What samples have of themselves. */
const OWN: ReadonlySet<string> = new Set(["protocol", "role", "cause", "code", "limit", "context"]);

/** @throws {LwsError} `invalid-argument` for a name that is none, or is ours, and for a value that is no text */
export function checkLabels(call: string, labels: Labels | undefined): Labels {
  if (labels === undefined) return {};
  if (typeof labels !== "object" || labels === null || !isPlain(labels)) {
    refuseArgument(call, "labels", labels, "an object of texts by label name");
  }
  for (const [name, value] of Object.entries(labels)) {
    if (OWN.has(name)) {
      refuseArgument(call, "a label's name", name, `one other than ${[...OWN].join(", ")}`);
    }
    if (!LABEL_NAME.test(name)) {
      const allowed = "letters, digits and _, with neither a digit nor __ in front";
      refuseArgument(call, "a label's name", name, allowed);
    }
    if (typeof value !== "string" || !value.isWellFormed()) {
      refuseArgument(call, `labels.${name}`, value, "a well-formed text");
    }
  }
  return { ...labels };
}
