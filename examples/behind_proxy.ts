/**
 * A service behind a proxy of this machine, as a service manager starts it: listens on a unix socket,
 * or on the one that systemd hands over (`LISTEN_FDS`), knows its peers by `X-Forwarded-For`, and lets
 * go of them bit by bit when it is told to stop.
 *
 *     deno run -A examples/behind_proxy.ts --socket /tmp/greeter.sock --spread 5
 *
 * nginx comes to it with
 *
 *     proxy_pass http://unix:/tmp/greeter.sock:;
 *     proxy_http_version 1.1;
 *     proxy_set_header Host $http_host;
 *     proxy_set_header Upgrade $http_upgrade;
 *     proxy_set_header Connection "upgrade";
 *     proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
 */

import { createContext, handlers } from "@x/lws";
import { orEnd, readOptions, untilInterrupted } from "./arguments.ts";

/** How long peers that don't answer the close are waited for. */
const GRACE_SECONDS = 5;

if (import.meta.main) {
  const { options } = readOptions({ socket: "/tmp/greeter.sock", spread: 5 });
  const isActivated = Deno.env.get("LISTEN_FDS") === "1";
  const context = orEnd(() =>
    createContext({
      ...isActivated ? { listenFd: 3 } : { socketPath: options.socket, socketMode: 0o660 },
      trustProxy: ["unix:"],
      protocols: [{
        name: "greeter",
        callback: handlers({
          established: (wsi) => void wsi.write(`hello, ${wsi.peerAddresses.ip}`),
        }),
      }],
    })
  );
  // deno-lint-ignore no-console -- a program's own output
  console.log(`listening on ${isActivated ? "descriptor 3" : options.socket}`);
  await untilInterrupted();
  const spreadMs = options.spread * 1000;
  await context.destroy({ spreadMs, graceMs: spreadMs + GRACE_SECONDS * 1000 });
}
