/** Publications to a worker by a shared broker, and the same bytes by bare messages. An iteration is 2,000 of them. */

import { type BrokerPublish, memoryBroker, portBroker, shareBroker } from "../mod.ts";

const TURNS = 40;
const BATCH = 50;
const DATA = new Uint8Array(125).fill(97);
const LIVE: BrokerPublish = { isBinary: true, history: false };

/** Counts what comes, by its broker or bare, and says when it has all of an iteration; publishes as it is told. */
const WORKER = `
  import { portBroker } from "${import.meta.resolve("../mod.ts")}";
  let count = 0;
  const counted = (more) => {
    count += more;
    if (count % ${TURNS * BATCH} === 0) postMessage("all");
  };
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  onmessage = async ({ data: { shared, bare } }) => {
    const broker = portBroker(shared);
    await broker.start({ publication: () => counted(1), interrupted() {}, state() {} });
    await broker.subscribe(["to workers"]);
    bare.onmessage = async ({ data }) => {
      if (data !== "publish") return counted(data.length);
      const payload = new Uint8Array(${DATA.length}).fill(97);
      for (let i = 0; i < ${TURNS}; i++) {
        for (let j = 0; j < ${BATCH}; j++) {
          void broker.publish("from workers", payload, ${JSON.stringify(LIVE)});
        }
        await turn();
      }
    };
    postMessage("ready");
  };
`;

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

const broker = memoryBroker();
const share = shareBroker(broker);
const worker = new Worker(`data:text/javascript,${encodeURIComponent(WORKER)}`, { type: "module" });
const { port1: bare, port2 } = new MessageChannel();
const port = share.openPort();
const told = () => new Promise<void>((resolve) => worker.onmessage = () => resolve());
worker.postMessage({ shared: port, bare: port2 }, [port, port2]);
await told();

const here = portBroker(share.openPort());
let count = 0;
let all = () => {};
const nothing = () => {};
const publication = () => {
  if (++count % (TURNS * BATCH) === 0) all();
};
const clock = { now: () => performance.now(), setTimer: nothing, clearTimer: nothing };
await here.start({ publication, interrupted: nothing, state: nothing }, clock);
await here.subscribe(["from workers"]);

const group = `${TURNS} turns of ${BATCH} × 125 bytes`;

Deno.bench("bare messages of an array", { group, baseline: true }, async () => {
  const done = told();
  for (let i = 0; i < TURNS; i++) {
    bare.postMessage(Array.from({ length: BATCH }, () => DATA.slice()));
    await turn();
  }
  await done;
});

Deno.bench("bare messages of one payload", { group }, async () => {
  const done = told();
  for (let i = 0; i < TURNS; i++) {
    for (let j = 0; j < BATCH; j++) bare.postMessage([DATA]);
    await turn();
  }
  await done;
});

const end = broker.openNode!();
await end.start({ publication: nothing, interrupted: nothing, state: nothing }, clock);

Deno.bench("published here, to a worker", { group }, async () => {
  const done = told();
  for (let i = 0; i < TURNS; i++) {
    for (let j = 0; j < BATCH; j++) void end.publish("to workers", DATA, LIVE);
    await turn();
  }
  await done;
});

Deno.bench("published in a worker, to a port", { group }, async () => {
  const done = new Promise<void>((resolve) => all = resolve);
  bare.postMessage("publish");
  await done;
});
