/**
 * The name that was meant by one that there is not. By a distance of our own, as that of `@std/text`
 * takes a table of four megabytes for as long as the program runs.
 */

/** No name is longer; what is takes no time to compare. */
const LONGEST = 64;
/** What names in C have in front, and no name here. */
const C_PREFIX = /^(?:LWS_CALLBACK_|WSI_TOKEN_|LWS_)/;
/** What parts the words of a name in C, or in a header. */
const SEPARATORS = /[_\- ]/g;

/**
 * The hint for a message about a name that there is not, to stand at its end: `; did you mean kaTime?`, or
 * nothing where no name is near.
 *
 * @param names The names that there are; of two that are as near the first one is meant.
 * @param prefix What the message has in front of a name.
 * @param synonyms What is meant by names that other libraries have, however near another one is.
 */
export function didYouMean(
  name: unknown,
  names: Iterable<string>,
  prefix = "",
  synonyms: Readonly<Record<string, string>> = {},
): string {
  if (typeof name !== "string") return "";
  const meant = Object.hasOwn(synonyms, name) ? synonyms[name] : nearestName(name, names);
  return meant === undefined ? "" : `; did you mean ${prefix}${meant}?`;
}

/**
 * The nearest of some names: the same but for its case, or as C spells it; or else one from which it differs
 * by two letters, or a third of them.
 */
export function nearestName(name: string, names: Iterable<string>): string | undefined {
  if (name.length > LONGEST) return undefined;
  const bare = bareOf(name);
  const farthest = Math.max(Math.min(2, bare.length >> 1), Math.floor(bare.length / 3));
  let nearest: string | undefined;
  let least = farthest + 1;
  for (const each of names) {
    const other = bareOf(each);
    if (Math.abs(other.length - bare.length) >= least) continue;
    const distance = editDistance(bare, other);
    if (distance >= least) continue;
    least = distance;
    nearest = each;
  }
  return nearest;
}

/** A name without what its spelling adds. */
function bareOf(name: string): string {
  return name.replace(C_PREFIX, "").replace(SEPARATORS, "").toLowerCase();
}

/** How many letters to add, drop or change (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
