/** `Accept-Encoding` (RFC 9110 section 12.5.3): which content coding an answer may have. */

import { isToken, parseWeight, splitList, trimBlanks } from "./syntax.ts";

/** Content codings as the field names them. */
export type ContentCoding = "br" | "gzip";

/** What a request accepts. */
export interface AcceptedCodings {
  /** Those of the codings that were asked about that go before identity, the most wanted first. */
  readonly codings: readonly ContentCoding[];
  /** Whether the answer may have no coding at all. */
  readonly acceptsIdentity: boolean;
}

const IDENTITY_ALONE: AcceptedCodings = { codings: [], acceptsIdentity: true };

/** RFC 9110 section 8.4.1.3: `x-gzip` is the same as `gzip`. */
const ALIASES: ReadonlyMap<string, string> = new Map([["x-gzip", "gzip"]]);

/**
 * Reads `Accept-Encoding`.
 *
 * @param value The field, its lines joined; undefined when it is absent, which counts as identity alone: a
 *   client that can decode sends the field.
 * @param offered What the server has, in the order that it prefers among those of equal weight.
 *   An element that breaks the grammar counts as if it was absent.
 */
export function acceptedCodings(
  value: string | undefined,
  offered: readonly ContentCoding[],
): AcceptedCodings {
  if (value === undefined || value === "") return IDENTITY_ALONE;
  const weights = new Map<string, number>();
  for (const element of splitList(value)) {
    const [coding, weight] = readElement(element);
    // The first one counts, as of any parameter that comes twice.
    if (coding !== undefined && !weights.has(coding)) weights.set(coding, weight);
  }
  const others = weights.get("*");
  const identity = weights.get("identity") ?? (others === 0 ? 0 : undefined);
  const weightOf = (coding: ContentCoding) => weights.get(coding) ?? others ?? 0;
  const codings = offered
    // Identity that isn't named is accepted, and comes last.
    .filter((coding) => weightOf(coding) > 0 && weightOf(coding) >= (identity ?? 0))
    // The sort is stable, so that equal ones stay in the server's order.
    .toSorted((a, b) => weightOf(b) - weightOf(a));
  return { codings, acceptsIdentity: identity !== 0 };
}

/** A coding in lower case, and its weight; undefined when the element breaks the grammar. */
function readElement(element: string): readonly [coding: string | undefined, weight: number] {
  const semicolon = element.indexOf(";");
  const name = trimBlanks(semicolon === -1 ? element : element.slice(0, semicolon)).toLowerCase();
  if (!isToken(name)) return [undefined, 0];
  const coding = ALIASES.get(name) ?? name;
  if (semicolon === -1) return [coding, 1];
  const parameter = trimBlanks(element.slice(semicolon + 1));
  const weight = parseWeight(trimBlanks(parameter.slice(2)));
  if (!/^q=/i.test(parameter) || weight === undefined) return [undefined, 0];
  return [coding, weight];
}
