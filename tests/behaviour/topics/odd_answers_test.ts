/** What callbacks of topics answer, and strangers publish, that is none of what is asked for: it ends nothing else. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { memoryBroker, type Protocol, protocol, type Wsi } from "../../../mod.ts";
import { faultyBroker } from "../../../src/testing/faulty_broker.ts";
import { named } from "../../support/named.ts";
import { captureLog } from "../../support/recorder.ts";
import { serve, settle } from "../../support/serve.ts";

Deno.test("an encode that promises is refused, and its rejection ends nothing", async () => {
  using log = captureLog();
  const promises = [Promise.resolve("late"), Promise.reject(new Error("in a promise"))];
  const coded: Protocol = {
    ...named("coded", { established: (wsi) => void wsi.subscribe("t") }),
    encode: () => promises.pop() as never ?? "end",
  };
  await using served = serve([coded]);
  const socket = await served.open();
  for (const each of ["1", "2", "3"]) await served.context.publish("t", each);
  assertEquals(await socket.receiveText(), "end");
  await settle();
  const said = log.lines.map((line) => line.split("\n")[0]!);
  assertEquals(said.filter((line) => line.includes("encode threw: LwsError")).length, 2);
  assertStringIncludes(said.join(), "coded: encode was rejected: Error: in a promise");
});

Deno.test("a begin that rejects closes its connection, as one that throws", async () => {
  using log = captureLog();
  const all: Wsi[] = [];
  await using served = serve([protocol({ name: "news", open: (wsi) => void all.push(wsi) })]);
  const socket = await served.open();
  const begin = (async () => await Promise.reject(new Error("in begin"))) as unknown as () => void;
  await all[0]!.subscribe("t", { begin });
  const { opcode, payload } = await socket.receive();
  assertEquals([opcode, payload[0]! << 8 | payload[1]!], [8, 1011]);
  assertStringIncludes(log.lines[0]!, "subscribe: begin was rejected: Error: in begin");
});

Deno.test("what a stranger has published as a text and is none comes as binary, and closes nothing", async () => {
  const broker = faultyBroker(memoryBroker({ historySize: 10 }));
  const open = (wsi: Wsi) => void wsi.subscribe("t");
  await using served = serve([protocol({ name: "news", open })], { broker });
  const socket = await served.open();
  await settle();
  const beside = { epoch: "", offset: 0, isBinary: false };
  for (const data of [[0xff], [0xc3, 0xa9]]) {
    broker.live("t", { ...beside, data: new Uint8Array(data) });
  }
  const [odd, good] = [await socket.receive(), await socket.receive()];
  assert(odd.opcode === 2 && odd.payload[0] === 0xff, `opcode ${odd.opcode}`);
  assertEquals([good.opcode, new TextDecoder().decode(good.payload)], [1, "é"]);
});
