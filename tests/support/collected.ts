/** Whether something is kept, as the engine's collector shows. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { settle } from "./serve.ts";

/** Of V8; another engine's keeps what a test wants to be gone. */
function collector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc");
}

/** The collector leaves what is on the stack, and some of it for the next time. */
const COLLECTIONS = 10;

/** The names of those that are still there behind some collections. */
export async function keptOf(seen: ReadonlyMap<string, WeakRef<object>>): Promise<string[]> {
  const collect = collector();
  const stillThere = () => [...seen].filter(([, each]) => each.deref()).map(([name]) => name);
  let left = stillThere();
  for (let i = 0; i < COLLECTIONS && left.length > 0; i++) {
    await settle();
    collect();
    left = stillThere();
  }
  return left;
}
