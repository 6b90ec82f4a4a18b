/** Messages by promises in both roles, under each service policy, over TLS, compressed, and in elder versions. */

import { assertEquals } from "@std/assert";
import {
  type ClientConnectInfo,
  type Context,
  CONTEXT_PORT_NO_LISTEN,
  type ContextCreationInfo,
  createContext,
  handlers,
  permessageDeflate,
  type ServicePolicy,
  type Wsi,
} from "../../../mod.ts";
import { makeSelfSigned } from "../../support/certificates.ts";
import type { Message } from "./loop.ts";

const selfSigned = await makeSelfSigned({ name: "self-signed", hosts: ["localhost", "127.0.0.1"] });

const LONG = "long ".repeat(40_000);
const SAID: readonly Message[] = ["short", LONG, Uint8Array.from({ length: 300 }, (_, i) => i), ""];

/** Serves until the context is destroyed, if it does not do so itself. */
async function keepServed(context: Context, service: ServicePolicy): Promise<void> {
  if (service === "automatic") return;
  while (await context.service(20) >= 0);
}

async function echo(wsi: Wsi): Promise<void> {
  for await (const message of wsi.messages()) await wsi.send(message);
}

/** Says everything to an echo server, and hears it back; both ends by promises. */
async function converse(
  info: Partial<ContextCreationInfo>,
  target: Partial<ClientConnectInfo> = {},
  said = SAID,
): Promise<void> {
  const { service = "automatic", extensions = [], ...rest } = info;
  await using server = createContext({
    port: 0,
    iface: "127.0.0.1",
    service,
    extensions,
    ...rest,
    protocols: [{ name: "echo", callback: handlers({ established: echo }) }],
  });
  const heard: Message[] = [];
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  await using client = createContext({
    port: CONTEXT_PORT_NO_LISTEN,
    service,
    extensions,
    protocols: [{
      name: "echo",
      callback: handlers({
        async clientEstablished(wsi) {
          const messages = wsi.messages();
          const sent = Promise.all(said.map((each) => wsi.send(each)));
          for await (const message of messages) {
            heard.push(message);
            if (heard.length === said.length) wsi.close(1000);
          }
          await sent.then(() => resolve(), reject);
        },
        clientConnectionError: (_wsi, _user, why) => reject(new Error(why)),
      }),
    }],
  });
  const served = [keepServed(server, service), keepServed(client, service)];
  const { port } = server;
  client.clientConnect({ address: "127.0.0.1", port, protocol: "echo", ...target });
  await done;
  assertEquals(heard, said);
  await Promise.all([client.destroy(), server.destroy()]);
  await Promise.all(served);
}

for (const service of ["automatic", "manual", "external"] as const) {
  Deno.test(`${service}: a conversation by promises`, () => converse({ service }));
  Deno.test(`${service}: a compressed conversation by promises`, () =>
    converse({ service, extensions: [permessageDeflate()] }));
  Deno.test(`${service}: a conversation by promises over TLS`, async () => {
    const tls = { sslCertFilepath: selfSigned.cert, sslPrivateKeyFilepath: selfSigned.key };
    await converse({ service, ...tls }, { ssl: 2 });
  });
}

for (const version of [0, 4, 5, 8] as const) {
  Deno.test(`version ${version}: a conversation by promises`, () => {
    const said = version === 0 ? ["short", LONG, ""] : SAID;
    return converse({ versions: [version] }, { version }, said);
  });
}
