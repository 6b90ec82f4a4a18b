/** C main loops over real descriptors: `while (n >= 0) n = lws_service(context, 50)`, in all generations. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Context } from "../../mod.ts";
import * as dec15 from "../../src/compat/dec15.ts";
import * as feb11 from "../../src/compat/feb11.ts";
import * as mar13 from "../../src/compat/mar13.ts";
import * as oct12 from "../../src/compat/oct12.ts";
import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import { captureLog } from "../support/recorder.ts";
import { freePort } from "../support/free_port.ts";
import { Peer, testDescriptors } from "../behaviour/service/descriptors.ts";

const { overNetwork } = dec15;

/** An echo of each generation: its protocols, and the reason of what is received. */
const echo = (
  received: number,
  write: (wsi: never, bytes: Uint8Array, len: number) => void,
) => [{
  name: "x",
  // deno-lint-ignore no-explicit-any -- each generation has an order of its own
  callback(...args: any[]): number {
    const at = args.findIndex((each) => typeof each === "number");
    if (args[at] === received) write(args[at - 1] as never, args[at + 2], args[at + 3]);
    return 0;
  },
  per_session_data_size: 0,
}];

const GENERATIONS = {
  feb11: (port: number) =>
    feb11.libwebsocket_create_context(
      ...[port, echoOf(feb11), null, null, -1, -1, 0] as const,
    ),
  oct12: (port: number) =>
    oct12.libwebsocket_create_context(
      ...[port, null, echoOf(oct12), null, null, null, -1, -1, 0, null] as const,
    ),
  mar13: (port: number) =>
    mar13.libwebsocket_create_context(
      { port, protocols: echoOf(mar13), gid: -1, uid: -1 } as never,
    ),
  dec15: (port: number) =>
    dec15.lws_create_context({ port, protocols: echoOf(dec15), gid: -1, uid: -1 } as never),
};

// deno-lint-ignore no-explicit-any -- the names differ
function echoOf(api: any): any {
  const write = api.lws_write ?? api.libwebsocket_write;
  return echo(api.LWS_CALLBACK_RECEIVE, (wsi, bytes, len) => {
    write(wsi, bytes, len, api.LWS_WRITE_TEXT);
  });
}

const LOOPS = {
  feb11: feb11.libwebsocket_service,
  oct12: oct12.libwebsocket_service,
  mar13: mar13.libwebsocket_service,
  dec15: dec15.lws_service,
};

for (const name of Object.keys(GENERATIONS) as (keyof typeof GENERATIONS)[]) {
  testDescriptors(`${name}: a loop of C serves without an await`, async (network) => {
    const port = freePort();
    const context = overNetwork(network, () => GENERATIONS[name](port) as Context | null)!;
    const service = LOOPS[name];
    const peer = await Peer.open(port);
    await peer.send("hello");
    const before = performance.now();
    let n = 0;
    // Until nothing more comes: the accept, the handshake, the message.
    for (let i = 0; n >= 0 && i < 6; i++) n = service(context, 20);
    assertEquals(n, 0);
    assert(performance.now() - before >= 19, "it blocks when there is nothing to do");
    assert((await peer.read((all) => all.includes("hello"))).includes("hello"));
    peer.close();
    await context.destroy();
    assertEquals(service(context, 0), name === "feb11" ? 1 : -1);
  });
}

testDescriptors(
  "what blocks can't be made of other networks, and wrong arguments are named",
  async (network) => {
    using log = captureLog();
    const make = () =>
      dec15.lws_create_context({ port: freePort(), protocols: echoOf(dec15) } as never);
    assertEquals(overNetwork(new MemoryNetwork(), make), null);
    assertEquals(overNetwork(network, null as never), null);
    assertEquals(overNetwork(network, () => null), null);
    const context = overNetwork(network, make)!;
    assertEquals(dec15.lws_service(context, NaN), -1);
    for (const named of ["overNetwork: network is", "overNetwork: create is", "timeout_ms is"]) {
      assertStringIncludes(log.lines.join("\n"), named);
    }
    const other = dec15.lws_create_context({ port: 0, protocols: echoOf(dec15) } as never)!;
    assert(dec15.lws_service(other, 0) instanceof Promise, "contexts behind it are as ever");
    await other.destroy();
    await context.destroy();
  },
);
