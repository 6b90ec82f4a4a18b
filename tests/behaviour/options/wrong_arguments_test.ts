/** Whatever is given to a public call that can't be: an LwsError, and no error of another kind. */

import { assert, assertEquals } from "@std/assert";
import * as lws from "../../../mod.ts";
import { LwsError, type Wsi } from "../../../mod.ts";
import { serve } from "../../support/serve.ts";

const ODD: readonly unknown[] = [
  undefined,
  null,
  NaN,
  -1,
  7n,
  "",
  "x",
  Symbol("s"),
  {},
  [],
  () => 0,
  Object.create(null),
  new Map(),
];

/** Each odd value in each place, behind what is good in the places before. */
function* odd(): Generator<unknown[]> {
  for (const value of ODD) {
    yield [value];
    yield [value, value];
    for (const good of ["x", 200, 1000, {}, "p"]) yield [good, value];
    yield ["x", "text", value];
    yield ["x", "close", value];
    yield [200, "x", value];
    yield [{ address: value, port: 80 }];
    yield [{ address: "h", port: 80, headers: value }];
    yield [{ address: "h", port: 80, headers: [value] }];
    yield [[["x", value]]];
  }
}

async function refuses(name: string, call: (...args: unknown[]) => unknown): Promise<void> {
  for (const args of odd()) {
    try {
      const result = call(...args);
      if (result instanceof Promise) await result;
    } catch (error) {
      const given = `${name}(${args.map((each) => Deno.inspect(each)).join(", ")})`;
      assert(error instanceof LwsError, `${given}: ${error}`);
    }
  }
}

/** The methods of what programs are handed, but for those that end it or wait. */
function methodsOf(face: object, without: readonly string[]): [string, () => void][] {
  const { value: _, ...all } = Object.getOwnPropertyDescriptors(Object.getPrototypeOf(face));
  return Object.entries(all)
    .filter(([name, { value }]) => typeof value === "function" && !without.includes(name))
    .map(([name, { value }]) => [name, value.bind(face)]);
}

Deno.test("the functions of the module refuse what they can't take by an LwsError", async () => {
  const without = ["setLogLevel", "forkServiceLoop"];
  for (const [name, call] of Object.entries(lws)) {
    if (typeof call !== "function" || /^[A-Z]/.test(name) || without.includes(name)) continue;
    await refuses(name, call as () => unknown);
  }
  const { setLogLevel } = lws;
  const setNone = (...args: unknown[]) => {
    try {
      setLogLevel(...args as [never]);
    } finally {
      setLogLevel(["err", "warn"], () => {});
    }
  };
  await refuses("setLogLevel", setNone);
});

Deno.test("the methods of a Wsi refuse what they can't take by an LwsError", async () => {
  let calls = 0;
  await using served = serve([{
    name: "p",
    callback(...[wsi, reason]) {
      if (reason === "http" || reason === "established") seen.push(wsi);
    },
  }]);
  const seen: Wsi[] = [];
  await served.dial("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  await served.open({ protocol: "p" });
  assertEquals(seen.length, 2);
  for (const wsi of seen) {
    for (const [name, call] of methodsOf(wsi, ["constructor"])) {
      calls++;
      await refuses(name, call);
    }
  }
  assert(calls > 30);
});

Deno.test("the methods of a Context refuse what they can't take by an LwsError", async () => {
  await using served = serve([{ name: "p", callback() {} }]);
  const without = ["constructor", "destroy", "openPort"];
  for (const [name, call] of methodsOf(served.context, without)) await refuses(name, call);
});

Deno.test("what is appended to a client's handshake is refused by an LwsError", async () => {
  const faults: unknown[] = [];
  await using served = serve([{ name: "p", callback() {} }]);
  const { promise, resolve } = Promise.withResolvers<void>();
  const client = served.client([{
    name: "p",
    callback(...[, reason, , data]) {
      if (reason === "clientAppendHandshakeHeader") {
        faults.push(refuses("add", data.add.bind(data) as () => void));
      }
      if (reason === "clientEstablished" || reason === "clientConnectionError") resolve();
    },
  }]);
  client.clientConnect({ address: "localhost", port: 80 });
  await promise;
  assertEquals(faults.length, 1);
  await Promise.all(faults);
});
