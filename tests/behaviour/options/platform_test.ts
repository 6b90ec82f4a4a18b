/** The members of the creation struct for the system, TLS and proxies: what is off is taken, all else named. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { ContextCreationInfo, Network, NetworkTarget } from "../../../mod.ts";
import { CONTEXT_PORT_NO_LISTEN, createContext, LwsError } from "../../../mod.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { hostName } from "../../../src/transport/machine.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { dialer, handshake, opened, readHead, retire, settle } from "../../support/serve.ts";

const make = (info: Record<string, unknown>) =>
  createContext(
    { port: CONTEXT_PORT_NO_LISTEN, protocols: [record("x").protocol], ...info } as
      & ContextCreationInfo
      & Record<string, unknown>,
  );

const OFF: Readonly<Record<string, unknown>> = {
  sslCertFilepath: null,
  sslPrivateKeyFilepath: null,
  sslPrivateKeyPassword: null,
  sslCaFilepath: null,
  sslCipherList: "DEFAULT",
  providedClientTls: null,
  httpProxyAddress: null,
  httpProxyPort: 0,
  gid: -1,
  uid: -1,
  kaTime: 0,
  kaProbes: 0,
  kaInterval: 0,
  options: {},
};

Deno.test("members that ask for nothing are taken, as null and undefined are", async () => {
  const names = Object.keys(OFF);
  for (const empty of [null, undefined]) {
    await make(Object.fromEntries(names.map((name) => [name, empty]))).destroy();
  }
  await make(OFF).destroy();
});

const MISSING: readonly (readonly [field: string, value: unknown, why: string])[] = [
  ["sslCipherList", "HIGH", "ciphers"],
  ["httpProxyAddress", "proxy", "port is missing"],
  ["httpProxyAddress", "https://proxy:1", "TLS to the proxy"],
  ["httpProxyAddress", 3128, "a text"],
  ["httpProxyPort", -1, "from 0 to 65535"],
  ["httpProxyPort", 65_536, "from 0 to 65535"],
  ["httpProxyPort", "3128", "from 0 to 65535"],
  ["gid", -2, "from 0 to 4294967294"],
  ["gid", 4_294_967_295, "from 0 to 4294967294"],
  ["uid", 1.5, "from 0 to 4294967294"],
  ["uid", "nobody", "from 0 to 4294967294"],
  ["kaTime", -1, "whole number"],
  ["kaTime", 2_147_484, "whole number"],
  ["kaProbes", -1, "whole number"],
  ["kaInterval", 1.5, "whole number"],
  ["kaInterval", "5", "whole number"],
];

for (const [field, value, why] of MISSING) {
  Deno.test(`${field} ${JSON.stringify(value)} is refused by name, with the reason`, () => {
    const error = assertThrows(() => make({ [field]: value }), LwsError, `${field} is `);
    assertEquals(error.code, "invalid-option");
    assertStringIncludes(error.message, why);
  });
}

Deno.test("the largest port of a proxy, and the largest probes, are taken", async () => {
  await make({ httpProxyPort: 65_535, httpProxyAddress: "proxy" }).destroy();
  await make({ httpProxyPort: 1, httpProxyAddress: "proxy:65535" }).destroy();
  await make({ kaTime: 2_147_483, kaProbes: 1, kaInterval: 1 }).destroy();
});

/** A network that can set the times of TCP keep-alive, and keeps what it was told. */
function timedNetwork() {
  const memory = new MemoryNetwork();
  const told: NetworkTarget["keepAlive"][] = [];
  return {
    told,
    memory,
    network: {
      features: ["keepAliveTimes"],
      listen(target) {
        told.push(target.keepAlive);
        return memory.listen(target);
      },
      connect(target, signal) {
        told.push(target.keepAlive);
        return memory.connect(target, signal);
      },
    } satisfies Network,
  };
}

Deno.test("keepAlive says whether TCP probes, with the times of kaTime and its like", async () => {
  const times = { idleSeconds: 25, probes: 2, intervalSeconds: 4 };
  const CASES = [
    [{}, false],
    [{ kaTime: 25 }, true],
    [{ kaTime: 25, kaProbes: 2, kaInterval: 4, keepAlive: "tcp" }, times],
    [{ kaTime: 25, kaProbes: 2, kaInterval: 4, keepAlive: "both" }, times],
    [{ keepAlive: "tcp" }, { idleSeconds: 60, probes: 3, intervalSeconds: 10 }],
    [{ kaTime: 0, keepAlive: "tcp" }, false],
    [{ kaTime: 32_767, kaProbes: 127, kaInterval: 32_767, keepAlive: "tcp" }, {
      idleSeconds: 32_767,
      probes: 127,
      intervalSeconds: 32_767,
    }],
  ] as const;
  for (const [info, expected] of CASES) {
    const { network, told } = timedNetwork();
    const context = make({ ...info, network, port: 80 });
    context.clientConnect({ address: "here", port: 1 });
    await context.destroy();
    assertEquals(told, [expected, expected]);
  }
});

Deno.test("keepAlive by TCP is refused where its times can't be set", () => {
  const timed = timedNetwork().network;
  const CASES = [
    [{ keepAlive: "tcp" }, "the network can't"],
    [{ keepAlive: "both", network: new MemoryNetwork() }, "the network can't"],
    [{ keepAlive: "udp", network: timed }, '"both"'],
    [{ keepAlive: "tcp", network: timed, kaTime: 32_768 }, "a kaTime above 32767"],
    [{ keepAlive: "both", network: timed, kaProbes: 128 }, "a kaProbes above 127"],
    [{ keepAlive: "tcp", network: timed, kaInterval: 32_768 }, "a kaInterval above 32767"],
    [{
      keepAlive: "tcp",
      network: timed,
      listener: { addr: {}, accept() {}, close() {} },
      port: undefined,
    }, "beside listener"],
  ] as const;
  for (const [info, why] of CASES) {
    const error = assertThrows(() => make(info), LwsError, "keepAlive is ");
    assertEquals(error.code, "invalid-option");
    assertStringIncludes(error.message, why);
  }
});

for (const [keepAlive, pings] of [["tcp", 0], ["both", 1]] as const) {
  Deno.test(`keepAlive "${keepAlive}" sends ${pings} pings in kaTime`, async () => {
    const { memory, network } = timedNetwork();
    const clock = new FakeClock();
    const protocols = [record("echo").protocol];
    const context = createContext({ port: 80, network, clock, protocols, keepAlive });
    const peer = await dialer(memory, 80)(handshake());
    const socket = opened(peer, await readHead(peer));
    const before = socket.peer.received.length;
    clock.advance(60_000 + 16);
    await settle();
    assertEquals(socket.peer.received.length > before ? 1 : 0, pings);
    await retire([context], clock);
  });
}

Deno.test("a proxy's password is not repeated in the error about it", () => {
  for (const httpProxyAddress of ["me:hunter2@proxy", "ftp://me:hunter2@proxy:1"]) {
    const error = assertThrows(() => make({ httpProxyAddress }), LwsError, "httpProxyAddress is ");
    assertEquals(error.message.includes("hunter2"), false);
  }
});

Deno.test("a passphrase is not repeated in the error about it", () => {
  const error = assertThrows(() => make({ sslPrivateKeyPassword: "hunter2" }), LwsError);
  assertEquals(error.message.includes("hunter2"), false);
});

Deno.test("kaInterval 0 beside a kaTime is an error by itself", () => {
  for (const kaTime of [5, null, undefined]) {
    const info = { kaTime, kaProbes: 1, kaInterval: 0 };
    assertThrows(() => make(info), LwsError, "kaInterval is 0; allowed: a whole number from 1");
  }
  const error = assertThrows(() => make({ kaTime: 5, kaProbes: 0 }), LwsError, "kaProbes is 0");
  assertEquals(error.message.includes("kaInterval"), false);
});

for (const name of ["requireValidClientCert", "allowNonSslOnSslPort", "peerCertNotRequired"]) {
  Deno.test(`options.${name} is taken when false and refused when what it needs is not there`, async () => {
    await make({ options: { [name]: false } }).destroy();
    const error = assertThrows(() => make({ options: { [name]: true } }), LwsError, name);
    assertStringIncludes(error.message, "allowed: false without");
  });
}

Deno.test("what is no option, or no boolean, is refused by name", () => {
  for (
    const [options, named] of [
      [{ libv: true }, "options.libv"],
      [{ libev: 1 }, "options.libev"],
      [{ defeatClientMask: "yes" }, "options.defeatClientMask"],
      [{ disableIpv6: 1 }, "options.disableIpv6"],
      [{ ["__proto__x"]: true }, "options.__proto__x"],
      [[], "options"],
      [8, "options"],
    ] as const
  ) assertThrows(() => make({ options }), LwsError, named);
});

Deno.test("libev and libuv are taken, each with a notice", async () => {
  using log = captureLog(["notice"]);
  await make({ options: { libev: true, libuv: true } }).destroy();
  assertEquals(log.lines.length, 2);
  assertStringIncludes(log.lines[0]!, "notice: options.libev");
  await make({ options: { libev: false } }).destroy();
  assertEquals(log.lines.length, 2);
});

Deno.test("canonicalHostname is the host's name, at most 127 characters", async () => {
  await using context = make({});
  assertEquals(context.canonicalHostname, Deno.hostname().slice(0, 127));
  assertEquals(context.canonicalHostname, hostName());
});

Deno.test("canonicalHostname is unknown with skipServerCanonicalName", async () => {
  await using context = make({ options: { skipServerCanonicalName: true } });
  assertEquals(context.canonicalHostname, "unknown");
});

Deno.test({
  name: "canonicalHostname is unknown without the permission, and nobody is asked for it",
  permissions: { sys: false },
  async fn() {
    await using context = make({});
    assertEquals(context.canonicalHostname, "unknown");
  },
});
