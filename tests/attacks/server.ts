/**
 * What is attacked: echo, topics, files and uploads, with the limits that they have by default. Its arguments
 * are a network, and a folder with a certificate and files; it says its ports in a line of JSON.
 */

import { type ContextCreationInfo, createContext, permessageDeflate, protocol } from "../../mod.ts";
import { epollNetwork } from "../../src/transport/epoll/mod.ts";

const [network, folder] = Deno.args;

// As in the README: it doesn't ask whether the peer takes what it is sent.
const echo = protocol({
  name: "echo",
  message: (wsi, _user, message) => void wsi.write(message),
});
const feed = protocol({ name: "feed", open: (wsi) => void wsi.subscribe("news") });
const throws = protocol({
  name: "throws",
  message() {
    throw new Error("as asked");
  },
});

const info: ContextCreationInfo = {
  port: 0,
  iface: "127.0.0.1",
  protocols: [echo, feed, throws],
  extensions: [permessageDeflate()],
  mounts: [{ path: "/files", folder: `${folder}/files` }],
  fetch: async (request) => {
    let bytes = 0;
    for await (const piece of request.body ?? []) bytes += piece.length;
    return new Response(`${bytes} bytes`);
  },
  ...network === "epoll" && { network: epollNetwork({ tls: "openssl" }) },
};
const plain = createContext(info);
const tls = createContext({
  ...info,
  sslCertFilepath: `${folder}/cert.pem`,
  sslPrivateKeyFilepath: `${folder}/key.pem`,
});
const proxied = createContext({ ...info, proxyProtocol: true });

const news = new Uint8Array(4096);
setInterval(() => plain.publish("news", news), 10);
// deno-lint-ignore no-console -- who attacks reads it
console.log(JSON.stringify({ plain: plain.port, tls: tls.port, proxied: proxied.port }));
