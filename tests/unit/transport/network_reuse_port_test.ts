/** One port that several listen on, by the runtime's own sockets or by `node:net`, as its flags allow. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { LwsError } from "../../../src/base/errors.ts";
import { listen } from "../../../src/transport/listen.ts";
import { tcpNetwork } from "../../../src/transport/network.ts";
import { Child } from "../../support/child.ts";

const isLinux = Deno.build.os === "linux";

async function tellOf(flags: string[], hostname: string) {
  await using child = new Child([], "shared_port.ts", flags, [hostname]);
  return JSON.parse(await child.line());
}

for (
  const [flags, hostname] of [
    [["--allow-net"], "127.0.0.1"],
    [["--allow-net"], "::1"],
    [["--allow-net", "--unstable-net"], "127.0.0.1"],
    [["--allow-net", "--unstable-net"], "localhost"],
  ] as const
) {
  Deno.test({
    name: `two listen on one port of ${hostname} with ${flags.join(" ")}, and both accept`,
    ignore: !isLinux,
    async fn() {
      const { accepted: [one, other], stranger } = await tellOf([...flags], hostname);
      // The kernel hashes addresses: that a hundred go to one of the two is as likely as nothing.
      assert(one > 0 && other > 0, `${one} and ${other}`);
      assertEquals(stranger, "AddrInUse");
    },
  });
}

Deno.test("a name needs a flag of the runtime's for that, which is said", async () => {
  assertEquals(await tellOf(["--allow-net"], "localhost"), {
    code: "invalid-option",
    message: "reusePort: localhost is a name; give its address, or run with --unstable-net",
  });
});

Deno.test("without the permission a shared port is denied as any other", async () => {
  const { code } = await tellOf([], "127.0.0.1");
  assertEquals(code, "permission-denied");
});

Deno.test("a port that somebody has alone is in use, and what is no address here can't be listened on", () => {
  const alone = tcpNetwork.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = alone.address;
  const share = (hostname: string) =>
    assertThrows(() => listen(tcpNetwork, { hostname, port, reusePort: true }), LwsError);
  const inUse = share("127.0.0.1");
  assertEquals([inUse.code, inUse.message], [
    "address-in-use",
    `127.0.0.1 port ${port} is in use; free it or listen on another`,
  ]);
  assertEquals(share("192.0.2.1").code, "listen-failed");
  alone.close();
});
