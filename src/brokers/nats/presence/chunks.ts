/** Many questions, of which some are asked at once. */

const MOST_AT_ONCE = 64;

/** As many at a time as may be asked at once. */
export function* chunksOf(subjects: readonly string[]): Iterable<readonly string[]> {
  for (let at = 0; at < subjects.length; at += MOST_AT_ONCE) {
    yield subjects.slice(at, at + MOST_AT_ONCE);
  }
}
