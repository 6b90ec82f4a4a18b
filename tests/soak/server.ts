/** The server of the soak: one port in the clear and one with TLS, with all that clients may ask for. */

// deno-lint-ignore-file no-console -- how it tells where it is

import {
  type Context,
  createContext,
  handlers,
  memoryBroker,
  permessageDeflate,
  type Protocol,
  setLogLevel,
} from "../../mod.ts";
import { resumable } from "../../src/resume/mod.ts";
import { answerLines, sample } from "./sampling.ts";
import { contextOptions, type ServerOrder } from "./order.ts";

// Handshakes that are refused are a part of it.
setLogLevel(["err"]);
/** The pause before a sample is longer. */
const LINGER_MS = 100;
const order = JSON.parse(Deno.args[0]!) as ServerOrder;

const echo: Protocol = {
  name: "echo",
  callback: handlers({
    established(wsi) {
      // A timer that comes and goes.
      wsi.setTimeout("userReason", 60);
    },
    message(wsi, _user, message) {
      if (order.leaks) leaked.set(leaked.size, new Uint8Array(1024));
      wsi.setTimeout("noPendingTimeout", 0);
      wsi.write(message, typeof message === "string" ? "text" : "binary");
    },
  }),
};
/** Of a soak that has to fail. */
const leaked = new Map<number, Uint8Array>();

const room: Protocol = {
  name: "room",
  callback: handlers({
    async established(wsi) {
      const topic = wsi.uri;
      await wsi.subscribe(topic);
      await wsi.context.presence.join(wsi, topic, { key: crypto.randomUUID() });
      wsi.context.publish(topic, "here");
    },
    presence() {},
    message: (wsi, _user, message) => void wsi.context.publish(wsi.uri, message),
  }),
};
const refused: Protocol = {
  name: "refused",
  callback: handlers({ filterProtocolConnection: () => -1 }),
};

function serve(more: Parameters<typeof createContext>[0] | object): Context {
  return createContext({
    ...contextOptions(order),
    port: 0,
    iface: "127.0.0.1",
    protocols: [echo, room, refused, resumable({ authorize: () => true })],
    broker: memoryBroker({ historySize: 50 }),
    extensions: [
      permessageDeflate({ serverNoContextTakeover: false, clientNoContextTakeover: false }),
    ],
    // A topic that lingers is a timer: how many do would tell how many rooms were in the last seconds.
    topics: { lingerMs: LINGER_MS },
    mounts: [{ path: "/files", folder: order.folder }],
    fetch: async (request) => new Response(`${(await request.arrayBuffer()).byteLength} bytes`),
    ...more,
  });
}

const [first] = order.identities;
const plain = serve({});
const secure = serve({ sslCertFilepath: first.cert, sslPrivateKeyFilepath: first.key });
const contexts = [plain, secure];
console.log(JSON.stringify([plain.port, secure.port]));
let round = 0;
await answerLines(async () => {
  await new Promise((resolve) => setTimeout(resolve, 2 * LINGER_MS));
  if (order.features.includes("certificates")) {
    secure.setCertificate(order.identities[++round % 2]!);
  }
  return sample(contexts);
});
await Promise.all(contexts.map((context) => context.destroy()));
