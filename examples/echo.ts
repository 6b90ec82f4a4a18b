/**
 * Echoes text and binary messages of up to 64 MiB, fragmented or not.
 *
 *     deno run --allow-net examples/echo.ts --port 9001 --hostname 127.0.0.1
 *
 * With `--cert FILE --key FILE` it serves wss and https, and with `--ca FILE` besides only clients with a
 * certificate that leads to one of that file; that needs `--allow-read`.
 *
 * With `--network epoll` it takes its sockets from the C library, on Linux, and with `--tls openssl` besides the
 * system's OpenSSL makes its TLS, for which `--ciphers LIST` says what TLS 1.2 may use; both need `--allow-ffi`.
 *
 * With `--versions 0,4,5,6,7,8,13` it speaks these versions of the protocol, all on one port; `hixie-75` may be
 * among them.
 *
 * With `--deflate` it takes and sends compressed messages (permessage-deflate), with
 * `--deflate-takeover` such that refer to the messages before them.
 *
 * With `--shed` it answers new requests 503 while its event loop lags by more than 100 ms.
 */

import { createContext, type Protocol } from "@x/lws";
import { epollNetwork } from "@x/lws/epoll";
import {
  DEFLATE_OPTIONS,
  deflateExtensions,
  fail,
  orEnd,
  readOptions,
  readVersions,
  TLS_OPTIONS,
  tlsMembers,
  untilInterrupted,
} from "./arguments.ts";

const LONGEST = 64 * 1024 * 1024;

/** Sends every piece of a frame back as it comes, as a frame of the same message. */
const echo: Protocol<{ continues: boolean }> = {
  name: "echo",
  perSessionData: () => ({ continues: false }),
  callback(wsi, reason, user, data) {
    switch (reason) {
      case "http":
        return wsi.respond(426, "This port speaks WebSocket.");
      case "receive": {
        const kind = wsi.frameIsBinary ? "binary" : "text";
        const fin = wsi.isFinalFragment && wsi.remainingPacketPayload === 0;
        wsi.write(data, user.continues ? "continuation" : kind, { fin });
        user.continues = !fin;
        // A peer that sends without reading must wait.
        if (wsi.partialBuffered) {
          wsi.rxFlowControl(false);
          wsi.callbackOnWritable();
        }
        break;
      }
      case "serverWriteable":
        wsi.rxFlowControl(true);
        break;
    }
  },
};

if (import.meta.main) {
  const known = {
    port: 9001,
    hostname: "127.0.0.1",
    versions: "13",
    shed: false,
    network: "runtime",
    tls: "runtime",
    ciphers: "",
    ...TLS_OPTIONS,
    ...DEFLATE_OPTIONS,
  };
  const { options } = readOptions(known);
  if (options.ca !== "" && options.cert === "") fail("--ca needs --cert and --key", known);
  const { network, tls, ciphers } = options;
  if (network !== "runtime" && network !== "epoll") {
    fail(`--network is runtime or epoll, not ${network}`, known);
  }
  if (tls !== "runtime" && tls !== "openssl") {
    fail(`--tls is runtime or openssl, not ${tls}`, known);
  }
  if (ciphers !== "" && tls !== "openssl") fail("--ciphers needs --tls openssl", known);
  if (tls === "openssl" && network !== "epoll") fail("--tls openssl needs --network epoll", known);
  if (tls === "openssl" && options.cert === "") fail("--tls openssl needs --cert and --key", known);
  const members = tlsMembers(options, known);
  await using context = orEnd(() =>
    createContext({
      port: options.port,
      iface: options.hostname,
      protocols: [echo],
      allowedOrigins: ["*"],
      versions: readVersions(options.versions, known),
      maxFramePayload: LONGEST,
      maxMessageSize: LONGEST,
      maxLoopLagMs: options.shed ? 100 : Infinity,
      extensions: deflateExtensions(options),
      ...network === "epoll" && { network: epollNetwork({ tls }) },
      ...ciphers !== "" && { sslCipherList: ciphers },
      ...members,
      options: { requireValidClientCert: options.ca !== "" },
    })
  );
  const scheme = options.cert === "" ? "ws" : "wss";
  // deno-lint-ignore no-console -- a program's own output
  console.log(`listening on ${scheme}://${options.hostname}:${context.port}`);
  await untilInterrupted();
}
