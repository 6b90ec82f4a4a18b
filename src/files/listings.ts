/** Listings of the folders of mounts: shared while they are made, few at once, and in turns with all else. */

import type { Folder, FolderContent } from "../api/folder.ts";
import type { TurnBudget } from "../service/turn_budget.ts";
import type { TurnTaker } from "../service/turns/order.ts";
import { listingPage, MOST_LISTED } from "./listing.ts";
import type { CheckedMount } from "./mounts.ts";

/** Folders that are read at once; the others wait in line, as each one keeps a disk and the event loop busy. */
const MOST_AT_ONCE = 2;

/** A name with one of these is in no path that is answered: of control characters the parser takes none. */
// deno-lint-ignore no-control-regex -- files may have them in their names
const NEVER_FOUND = /[\\\x00-\x1f\x7f-\x9f]/;

/** The bytes of a page, or why there is none. */
export type Listing = Uint8Array<ArrayBuffer> | 404 | 503;

const encoder = new TextEncoder();

/** Listings that are waited for, by mount and name. */
const awaited = new WeakMap<CheckedMount, Map<string, Promise<Listing>>>();

let underWay = 0;
const line: (() => void)[] = [];

/**
 * Lists the folder `name` of a mount; requests for the same one at the same time share what is being made.
 *
 * @param path The folder's path in the server, decoded, with a slash at its end.
 * @param budget Of the context. Never rejects.
 */
export function listingOf(
  mount: CheckedMount,
  path: string,
  name: string,
  budget: TurnBudget,
): Promise<Listing> {
  let listings = awaited.get(mount);
  if (listings === undefined) awaited.set(mount, listings = new Map());
  const before = listings.get(name);
  if (before !== undefined) return before;
  const listing = inLine(() => list(mount, path, name, new Pace(budget)))
    .finally(() => listings.delete(name));
  listings.set(name, listing);
  return listing;
}

async function inLine(work: () => Promise<Listing>): Promise<Listing> {
  // The one that has ended leaves its place to the first in line.
  if (underWay < MOST_AT_ONCE) underWay++;
  else await new Promise<void>((resolve) => line.push(resolve));
  try {
    return await work();
  } finally {
    const next = line.shift();
    if (next === undefined) underWay--;
    else next();
  }
}

async function list(
  mount: CheckedMount,
  path: string,
  name: string,
  pace: Pace,
): Promise<Listing> {
  const content = await contentOf(mount.folder, mount.dotfiles, name, pace);
  if (typeof content === "number") return content;
  const pieces = listingPage(path, content, name !== "/");
  await pace.begin();
  let piece = pieces.next();
  for (; !piece.done; piece = pieces.next()) await pace.goOn();
  // All that share it send the same bytes.
  return encoder.encode(piece.value);
}

function contentOf(
  folder: Folder,
  hasDotfiles: boolean,
  name: string,
  pace: Pace,
): Promise<FolderContent | 404 | 503> {
  const isShown = (each: string) =>
    (hasDotfiles || !each.startsWith(".")) && !NEVER_FOUND.test(each);
  return folder.list(name, MOST_LISTED, isShown, () => pace.begin());
}

/** Work of no connection, as several may wait for it, in turns with theirs. */
class Pace implements TurnTaker {
  servedMs = 0;
  readonly #budget: TurnBudget;
  #goOn: () => void = () => {};

  constructor(budget: TurnBudget) {
    this.#budget = budget;
  }

  /** A piece of work follows, behind something that was waited for. */
  async begin(): Promise<void> {
    if (!this.#budget.begin(this)) await this.#comesRound();
    this.#budget.lookAnew();
  }

  /** A piece of work is done, and one more follows. */
  async goOn(): Promise<void> {
    if (this.#budget.mayGoOn()) return;
    this.#budget.charge(this);
    await this.#comesRound();
    this.#budget.lookAnew();
  }

  onTurn(): void {
    this.#goOn();
  }

  async #comesRound(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#goOn = resolve;
      this.#budget.wait(this);
    });
    this.#budget.begin(this);
  }
}
