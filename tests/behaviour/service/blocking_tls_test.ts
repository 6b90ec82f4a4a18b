/** `context.serviceSync` with TLS by OpenSSL: handshakes, data and ends need no turn of the runtime. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  type Context,
  CONTEXT_PORT_NO_LISTEN,
  type ContextCreationInfo,
  createContext,
  LwsError,
  type Protocol,
} from "../../../mod.ts";
import { bringTlsStack } from "../../../src/tls/stack.ts";
import type { EpollNetwork } from "../../../src/transport/epoll/network.ts";
import { opensslStack } from "../../../src/transport/epoll/openssl/stack.ts";
import { made, TLS, TRUST_ONLY } from "../tls/server.ts";
import { testDescriptors } from "./descriptors.ts";

const HUGE = "hello".repeat(200_000);
const ROUNDS = 2_000;
const SPOKEN = ["closed", "closed", "echoed", "gone", "gone", "secured 1 true", "served TLSv1.3"];
const openssl = opensslStack();

/** A context that is server and client, and what it was told. */
function echoing(network: EpollNetwork, info: Partial<ContextCreationInfo> = {}) {
  const told: string[] = [];
  let text = "";
  const callback: Protocol["callback"] = (wsi, reason, _user, data) => {
    if (reason === "clientConnectionError") told.push(data);
    if (reason === "established") told.push(`served ${data?.protocol ?? "plainly"}`);
    if (reason === "clientEstablished") {
      told.push(`secured ${wsi.isSsl} ${wsi.tls?.authorized}`);
      wsi.write(HUGE);
    }
    if (reason === "receive") {
      wsi.write(data, wsi.isFirstFragment ? "text" : "continuation", {
        fin: wsi.isFinalFragment && wsi.remainingPacketPayload === 0,
      });
    }
    if (reason === "clientReceive") text += new TextDecoder().decode(data);
    if (text.length === HUGE.length) {
      told.push(text === HUGE ? "echoed" : "damaged");
      text = "";
      wsi.close(1000);
    }
    if (reason === "closed") told.push("closed");
    if (reason === "wsiDestroy") told.push("gone");
  };
  const context = createContext({
    port: 0,
    iface: "127.0.0.1",
    service: "manual",
    network,
    ...TLS,
    ...TRUST_ONLY,
    ...info,
    options: { ...TRUST_ONLY.options, ...info.options },
    protocols: [{ name: "x", callback }],
  });
  return { context, told };
}

/** Serves them by blocking until something is so. */
function serve(contexts: readonly Context[], isSo: () => boolean): void {
  let hadTurn = false;
  const turn = setImmediate(() => hadTurn = true);
  const timeoutMs = contexts.length === 1 ? 1_000 : 1;
  let rounds = 0;
  for (; !isSo() && rounds < ROUNDS; rounds++) {
    for (const each of contexts) assertEquals(each.serviceSync(timeoutMs), 0);
  }
  clearImmediate(turn);
  assert(!hadTurn, "the runtime had a turn");
  assert(rounds < ROUNDS, "it went on for ever");
}

const isOver = (told: readonly string[]) => told.filter((each) => each === "gone").length === 2;
const WITHIN = { address: "127.0.0.1", host: "localhost", ssl: 1 } as const;

for (
  const [what, info] of Object.entries<Partial<ContextCreationInfo>>({
    "a server and its client": {},
    "with an event loop of the program's": { service: "external" },
    "beside plain HTTP": { options: { allowNonSslOnSslPort: true } },
    "with certificates by host name": { certificates: [made.example] },
  })
) {
  testDescriptors(`TLS needs no turn of the runtime: ${what}`, async (network) => {
    bringTlsStack(network, openssl);
    const { context, told } = echoing(network, info);
    context.clientConnect({ ...WITHIN, port: context.port });
    serve([context], () => isOver(told));
    assertEquals(told.sort(), SPOKEN);
    await context.destroy();
  });
}

testDescriptors(
  "TLS needs no turn of the runtime: with a client's certificate",
  async (network) => {
    bringTlsStack(network, openssl);
    const options = { requireValidClientCert: true };
    const { context, told } = echoing(network, { options });
    const client = echoing(network, {
      port: CONTEXT_PORT_NO_LISTEN,
      sslCertFilepath: made.client.cert,
      sslPrivateKeyFilepath: made.client.key,
    });
    client.context.clientConnect({ ...WITHIN, port: context.port });
    const all = () => [...told, ...client.told];
    serve([client.context, context], () => isOver(all()));
    assertEquals(all().sort(), SPOKEN);
    await client.context.destroy();
    await context.destroy();
  },
);

testDescriptors(
  "a TLS handshake that fails is told, and plain HTTP on its port ends, while the thread is blocked",
  async (network) => {
    bringTlsStack(network, openssl);
    const { context, told } = echoing(network, { sslCaFilepath: made.foreignClient.cert });
    context.clientConnect({ ...WITHIN, port: context.port });
    serve([context], () => isOver(told));
    assertStringIncludes(told.join("\n"), "vouches for");
    told.length = 0;
    context.clientConnect({ ...WITHIN, ssl: 0, port: context.port });
    serve([context], () => isOver(told));
    assertStringIncludes(told.join("\n"), "the server speaks TLS");
    await context.destroy();
  },
);

testDescriptors(
  "without OpenSSL, and with a TLS layer of the program's own, TLS needs the runtime",
  async (network) => {
    const refusal = (context: Context) => {
      const error = assertThrows(() => context.serviceSync(0), LwsError);
      assertEquals(error.code, "unsupported");
      return error.message;
    };
    const { context } = echoing(network);
    assertStringIncludes(refusal(context), 'epollNetwork({ tls: "openssl" })');
    await context.destroy();

    bringTlsStack(network, openssl);
    const providedClientTls = () => Promise.reject(new Error("no"));
    const client = echoing(network, { providedClientTls });
    assertEquals(client.context.serviceSync(0), 0);
    client.context.clientConnect({ address: "127.0.0.1", ssl: 1, port: client.context.port });
    assertStringIncludes(refusal(client.context), "providedClientTls");
    await client.context.destroy();
  },
);
