/** Records of TLS that bring nothing, by OpenSSL. */

import { assertEquals } from "@std/assert";
import { createContext, protocol } from "../../../mod.ts";
import { epollNetwork } from "../../../src/transport/epoll/mod.ts";
import { opensslStack } from "../../../src/transport/epoll/openssl/stack.ts";
import type { OpensslTransport } from "../../../src/transport/epoll/openssl/transport.ts";
import { handshake } from "../../attacks/wire.ts";
import { Recorder } from "../../support/transport_contract.ts";
import { made, TLS } from "./server.ts";

const { symbols } = Deno.dlopen("libssl.so.3", {
  SSL_key_update: { parameters: ["pointer", "i32"], result: "i32" },
  SSL_do_handshake: { parameters: ["pointer"], result: "i32" },
});
// The library stays open, which a test would be blamed for.
const stack = opensslStack();

Deno.test("a WebSocket whose peer floods it with changes of keys ends by a limit", async () => {
  const network = epollNetwork({ tls: "openssl" });
  const closed = Promise.withResolvers<string>();
  const echo = protocol({
    name: "echo",
    close: (_wsi, _user, { cause }) => closed.resolve(cause),
  });
  const context = createContext({
    port: 0,
    iface: "127.0.0.1",
    network,
    protocols: [echo],
    ...TLS,
  });
  const side = stack.client({ ca: [made.ca.cert], disableOsCaCerts: true }, {});
  const target = { hostname: "127.0.0.1", port: context.port! };
  const inner = await network.connect(target, new AbortController().signal);
  const transport = await side.secure(inner, { serverName: "localhost" }).done as OpensslTransport;
  const peer = new Recorder(transport);
  await peer.write(handshake());
  await peer.until(() => peer.text.includes("\r\n\r\n"));
  transport.lendTrial(({ ssl }) => {
    for (let i = 0; i < 100; i++) {
      symbols.SSL_key_update(ssl as Deno.PointerObject, 1);
      symbols.SSL_do_handshake(ssl as Deno.PointerObject);
    }
  });
  peer.send(Uint8Array.of(0x89, 0x80, 0, 0, 0, 0));
  assertEquals(await closed.promise, "limit");
  assertEquals(context.stats().closesByCause, { limit: 1 });
  await peer.until(() => peer.count("end") + peer.count("close") > 0);
  transport.close();
  await peer.until(() => peer.count("close") === 1);
  await context.destroy();
  side.close!();
});
