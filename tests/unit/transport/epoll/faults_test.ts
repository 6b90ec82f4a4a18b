/** Each call of the C library fails once beneath a context: what it is for ends, and nothing else. */

import { assert, assertEquals } from "@std/assert";
import type { constants } from "node:os";
import { createContext } from "../../../../mod.ts";
import { openLibc } from "../../../../src/transport/epoll/libc.ts";
import { isEpollAvailable } from "../../../../src/transport/epoll/mod.ts";
import { EpollNetwork } from "../../../../src/transport/epoll/network.ts";
import { captureLog, record } from "../../../support/recorder.ts";
import { FaultyLibc } from "./faulty_libc.ts";

type Code = keyof typeof constants.errno;

/** A call, what it fails with, and whether a connection outlives that. */
const FAULTS: readonly (readonly [call: "accept4" | "recv" | "send", Code, isHarmless: boolean])[] =
  [
    ...(["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS", "ECONNABORTED", "EINTR", "EPERM"] as const)
      .map((code) => ["accept4", code, true] as const),
    ...(["ECONNRESET", "ETIMEDOUT", "EIO"] as const)
      .map((code) => ["recv", code, false] as const),
    // The system is short of memory for a moment, which is no fault of the connection's.
    ...(["EINTR", "EAGAIN", "ENOMEM", "ENOBUFS"] as const)
      .flatMap((code) => [["recv", code, true] as const, ["send", code, true] as const]),
    ...(["EPIPE", "ECONNRESET", "EIO"] as const)
      .map((code) => ["send", code, false] as const),
  ];

for (const [call, code, isHarmless] of FAULTS) {
  const ignore = !isEpollAvailable();
  const suffix = ignore ? " (needs Linux and --allow-ffi)" : "";
  Deno.test({
    name: `${code} of ${call} ${
      isHarmless ? "ends nothing" : "ends its connection alone"
    }${suffix}`,
    ignore,
    async fn() {
      using _log = captureLog([]);
      const faulty = new FaultyLibc();
      const echo = record("echo", {
        receive: (wsi, _user, data) => void wsi.write(data, "text"),
      });
      const iface = "127.0.0.1";
      const network = new EpollNetwork(faulty.libc, 1);
      const server = createContext({ network, port: 0, iface, protocols: [echo.protocol] });
      const peers = new EpollNetwork(openLibc(), 1);
      const clients = createContext({
        network: peers,
        port: -1,
        protocols: [record("echo").protocol],
      });
      const url = `ws://${iface}:${server.port}/`;
      const healthy = await clients.dial(url, { protocol: "echo" });
      const answers = healthy.messages()[Symbol.asyncIterator]();
      const isWell = async (text: string) => {
        healthy.write(text);
        assertEquals(`${(await answers.next()).value}`, text);
      };
      await isWell("before");
      if (call === "accept4") faulty.next("accept4", faulty.fails(code));
      const victim = await clients.dial(url, { protocol: "echo" });
      const heard = victim.messages()[Symbol.asyncIterator]();
      if (call !== "accept4") faulty.next(call, faulty.fails(code));
      victim.write("x");
      const answer = await heard.next().then(({ value }) => value, () => undefined);
      assertEquals(answer === undefined ? "ended" : `${answer}`, isHarmless ? "x" : "ended");
      await isWell("behind");
      const { servers } = server.stats();
      assertEquals([servers.now, servers.ever], [isHarmless ? 2 : 1, 2]);
      await clients.destroy();
      await server.destroy();
      const { ever, now } = server.stats().servers;
      assertEquals([ever, now], [2, 0]);
      const established = echo.reasons.filter((each) => each === "established").length;
      assertEquals(echo.reasons.filter((each) => each === "closed").length, established);
      assertEquals([...faulty.descriptors], []);
      assert((faulty.calls.get(call) ?? 0) > 0);
    },
  });
}
