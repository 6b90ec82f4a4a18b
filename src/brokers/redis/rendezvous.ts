/**
 * Which of several servers has a topic: the one that scores highest with it. One that is added takes its part
 * from all others alike, and no other topic moves.
 */

const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** The index of the name that has the key. */
export function chooseByScore(names: readonly string[], key: string): number {
  let chosen = 0;
  let highest = -1;
  for (const [i, name] of names.entries()) {
    const score = scoreOf(`${name} ${key}`);
    // Of equals the name decides, so that the order of the list does not.
    if (score > highest || (score === highest && name > names[chosen]!)) {
      highest = score;
      chosen = i;
    }
  }
  return chosen;
}

/** FNV-1a over the UTF-16 units, with the last step of MurmurHash3, without which near names score alike. */
function scoreOf(text: string): number {
  let hash = FNV_BASIS;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
