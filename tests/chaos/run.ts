/**
 * One run: started by `main.ts`, in a process of its own, whose runtime trusts the authority of the certificate. Its
 * argument is an {@linkcode Order} as JSON. Each line that it prints begins with `FAULT`, or is for people.
 */

// deno-lint-ignore-file no-console -- a program's own output

import { setLogLevel } from "../../mod.ts";
import { type Case, CASES } from "./cases.ts";
import type { Setting } from "./ends/end.ts";
import { type Proxy, startProxy } from "./proxy.ts";

/** What is to be run. */
export interface Order extends Setting {
  readonly seed: string;
  /** Clients, of all cases together. */
  readonly connections: number;
  readonly seconds: number;
  /** The names of the cases. */
  readonly cases: readonly string[];
}

/**
 * How long the rest may take, once no conversation begins any more: in turns of the event loop, so that a machine that
 * has no time for this process does not make a hang of it.
 */
const REST_MS = 150_000;
const LOOK_MS = 20;

const order = JSON.parse(Deno.args[0]!) as Order;
let faultCount = 0;
let isLate = false;
/** Sockets that foreign servers keep open. */
let kept = 0;
const totals = { connections: 0, whole: 0, broken: 0, messages: 0, bytes: 0 };

function fault(where: string, what: string): void {
  faultCount++;
  console.log(`FAULT ${where}: ${what}`);
}

/** Resolves when what is not over by then hangs. */
const late = new Promise<undefined>((resolve) => {
  let left = (1_000 * order.seconds + REST_MS) / LOOK_MS;
  const timer = setInterval(() => {
    if (--left > 0) return;
    isLate = true;
    clearInterval(timer);
    resolve(undefined);
  }, LOOK_MS);
});

/** The conversations of one client, one after the other. */
async function converse(each: Case, slot: number, proxy: Proxy, talk: Talk, until: number) {
  const name = `${order.seed}/${each.name}/${slot}`;
  for (let number = 0; performance.now() < until; number++) {
    const place = `${each.name}, client ${slot}, connection ${number}`;
    proxy.begin(`${name}/${number}`);
    const outcome = await withinRest(talk(proxy.place, `${name}/${number}`));
    if (outcome === undefined) return fault(place, "it hangs");
    await idle(proxy);
    totals.connections++;
    totals.messages += outcome.confirmed;
    totals.bytes += outcome.bytes;
    if (outcome.isWhole) totals.whole++;
    if (proxy.wasBroken) totals.broken++;
    else if (!outcome.isWhole) {
      fault(place, `it was not broken off, and came to nothing: ${JSON.stringify(outcome)}`);
    }
    for (const what of outcome.faults) fault(place, what);
  }
}

type Talk = ReturnType<Case["client"]>["talk"];

/** The value, or undefined when it has not come in time. */
function withinRest<T>(value: Promise<T>): Promise<T | undefined> {
  return Promise.race([value, late]);
}

/** Waits for the proxy to have no connection; the case's faults tell of one that it keeps. */
async function idle(proxy: Proxy): Promise<void> {
  await settled(() => proxy.open === 0);
}

/** Waits for something to be so; false when it is not in time. */
async function settled(isSo: () => boolean): Promise<boolean> {
  while (!isSo()) {
    if (isLate) return false;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return true;
}

async function runCase(each: Case, slots: number, until: number): Promise<void> {
  const server = await each.server(order);
  const client = each.client(order);
  const proxies: Proxy[] = [];
  for (let slot = 0; slot < slots; slot++) {
    const path = each.isUnix
      ? `${order.folder}/${each.name.replaceAll("/", "-")}-${slot}.sock`
      : undefined;
    proxies.push(await startProxy(server.place, path));
  }
  await Promise.all(
    proxies.map((proxy, slot) => converse(each, slot, proxy, client.talk.bind(client), until)),
  );
  for (const end of [client, server]) {
    if (await settled(() => (end.faults?.() ?? []).length === 0)) continue;
    for (const what of end.faults!()) {
      fault(each.name, `${end === client ? "client" : "server"}: ${what}`);
    }
  }
  for (const proxy of proxies) {
    if (proxy.open > 0) fault(each.name, `${proxy.open} sockets of a proxy are open`);
  }
  const closing = [client, server, ...proxies].map((end) => end[Symbol.asyncDispose]());
  const closed = await withinRest(Promise.all(closing));
  if (closed === undefined) fault(each.name, "it is not closed in the end");
  kept += server.kept?.() ?? 0;
}

/**
 * Each open descriptor and what it is of, but nameless unix sockets: the runtime has pairs of them for itself. One of
 * ours that is left shows at the proxy, which has its other end.
 */
function descriptors(): Map<string, string> {
  const nameless = new Set(
    Deno.readTextFileSync("/proc/net/unix").split("\n")
      .map((line) => line.trim().split(/\s+/)).filter(({ length }) => length === 7)
      .map((fields) => `socket:[${fields[6]}]`),
  );
  const found = new Map<string, string>();
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      const what = Deno.readLinkSync(`/proc/self/fd/${name}`);
      if (!nameless.has(what)) found.set(name, what);
    } catch { /* It is closed meanwhile. */ }
  }
  return found;
}

globalThis.addEventListener("error", (event) => {
  event.preventDefault();
  fault("uncaught", String(event.error?.stack ?? event.message));
});
globalThis.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  fault("unhandled", String(event.reason?.stack ?? event.reason));
});
setLogLevel(["err"], (_level, line) => fault("log", line));

const before = descriptors();
const until = performance.now() + 1_000 * order.seconds;
const chosen = CASES.filter(({ name }) => order.cases.includes(name));
await Promise.all(chosen.map((each, index) => {
  const slots = Math.ceil((order.connections - index) / chosen.length);
  return slots > 0 ? runCase(each, slots, until) : undefined;
}));
const left = () => [...descriptors()].filter(([name]) => !before.has(name));
if (!await settled(() => left().length <= kept)) {
  fault(
    "all",
    `descriptors are left: ${left().map(([, what]) => what).join(", ")}, ${kept} of them foreign`,
  );
}
if (kept > 0) console.log(`${kept} sockets are kept open by foreign servers`);
const { connections, whole, broken, messages, bytes } = totals;
console.log(
  `${chosen.length} cases, ${connections} connections, ${broken} broken off, ${whole} whole, ` +
    `${messages} messages confirmed, ${(bytes / 2 ** 20).toFixed(1)} MiB`,
);
Deno.exit(faultCount > 0 ? 1 : 0);
