/** What a program has called its callbacks for reasons, for the log. */

type Names = ReadonlyMap<string, { readonly name: string }>;

const namesOf = new WeakMap<object, Names>();

/** Says by which names the reasons of a callback were written. */
export function setNames(callback: object, names: Names): void {
  namesOf.set(callback, names);
}

/** What the program wrote for a reason, as `message` for `receive`; the reason where it wrote a callback. */
export function nameOf({ callback }: { readonly callback: object }, reason: string): string {
  return namesOf.get(callback)?.get(reason)?.name ?? reason;
}
