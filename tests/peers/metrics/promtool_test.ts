/** What Prometheus' own tool says of our metrics. */

import { assertEquals } from "@std/assert";
import { metricsHandler } from "../../../src/metrics/mod.ts";
import { named } from "../../support/named.ts";
import { serve, settle } from "../../support/serve.ts";
import { PROMTOOL } from "../peer.ts";

PROMTOOL.test("promtool finds no fault with the metrics, neither their text nor their names", async () => {
  await using served = serve([named("chat", {})]);
  const socket = await served.open({ protocol: "chat" });
  socket.send({ opcode: 1, payload: "hello" }, { opcode: 8 });
  await socket.receiveClose();
  await socket.peer.readToEnd();
  socket.peer.close();
  await settle();
  const handle = metricsHandler({ labels: { region: 'the "north"\n\\' } });
  const text = await handle(new Request("http://localhost/"), served).text();
  const child = new Deno.Command(PROMTOOL.path, {
    args: ["check", "metrics"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assertEquals([code, said], [0, ""]);
});
