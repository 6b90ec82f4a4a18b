/** A server whose program does nothing but block in `serviceSync`: it prints its port, and answers requests. */

import { createContext } from "../../../mod.ts";
import { epollNetwork } from "../../../src/transport/epoll/mod.ts";

const context = createContext({
  port: 0,
  iface: "127.0.0.1",
  service: "manual",
  network: epollNetwork(),
  protocols: [{
    name: "x",
    callback: (wsi, reason, _user, _data) => reason === "http" ? wsi.respond(200, "served") : 0,
  }],
});
Deno.stdout.writeSync(new TextEncoder().encode(`${context.port}\n`));
for (let n = 0; n >= 0;) n = context.serviceSync(50);
