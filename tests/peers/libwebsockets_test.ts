/** Debian's libwebsockets programs, both ways. */

import { assert, assertEquals } from "@std/assert";
import { CONTEXT_PORT_NO_LISTEN, createContext, handlers } from "../../mod.ts";
import { serveDemo } from "../../examples/demo/server.ts";
import { freePort, LWS_CLIENT, LWS_SERVER, peerTest, start, untilListening } from "./peer.ts";

peerTest("libwebsockets-test-client talks to the demo on both protocols", LWS_CLIENT, async () => {
  await using context = serveDemo(0, "127.0.0.1");
  const seen = new Set<string>();
  const circles: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  // A watcher of ours sees what the foreign client draws, and who is connected.
  await using watcher = createContext({
    port: CONTEXT_PORT_NO_LISTEN,
    protocols: ["lws-mirror-protocol", "lws-status"].map((name) => ({
      name,
      callback: handlers({
        message(wsi, _user, message) {
          if (wsi.protocol.name === "lws-mirror-protocol") circles.push(message as string);
          else {
            for (const { protocol } of JSON.parse(message as string).connections) {
              seen.add(protocol);
            }
          }
          if (circles.length >= 3 && seen.has("dumb-increment-protocol")) resolve();
        },
      }),
    })),
  });
  for (const protocol of ["lws-mirror-protocol", "lws-status"]) {
    watcher.clientConnect({ address: "127.0.0.1", port: context.port, protocol });
  }
  await using _client = start(LWS_CLIENT.path, [
    "127.0.0.1",
    `--port=${context.port}`,
    "--longlived",
  ]);
  await promise;
  assert(circles.every((circle) => /^c #[0-9a-f]{6} \d+ \d+ \d+;/i.test(circle)), circles[0]);
});

peerTest(
  "our client talks to libwebsockets-test-server on both protocols",
  LWS_SERVER,
  async () => {
    const port = freePort();
    await using _server = start(LWS_SERVER.path, ["-p", String(port)]);
    await untilListening(port);
    const counts: number[] = [];
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const drawing = "d #ff0000 1 2 3 4;";
    let mirrored = "";
    const check = () => counts.length >= 5 && mirrored === drawing && resolve();
    await using context = createContext({
      port: CONTEXT_PORT_NO_LISTEN,
      protocols: [{
        name: "dumb-increment-protocol",
        callback: handlers({
          message(_wsi, _user, message) {
            counts.push(Number(message));
            check();
          },
          clientConnectionError: (_wsi, _user, text) => reject(new Error(text)),
        }),
      }, {
        name: "lws-mirror-protocol",
        callback: handlers({
          clientEstablished: (wsi) => void wsi.write(drawing),
          message(_wsi, _user, message) {
            mirrored = message as string;
            check();
          },
        }),
      }],
    });
    for (const protocol of ["dumb-increment-protocol", "lws-mirror-protocol"]) {
      context.clientConnect({ address: "127.0.0.1", port, protocol });
    }
    await promise;
    const first = counts[0]!;
    assertEquals(counts.slice(0, 5), [0, 1, 2, 3, 4].map((step) => first + step));
  },
);
