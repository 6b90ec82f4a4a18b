/** Has whatever uses the system's sockets by default do so by the epoll network. */

// It keeps the runtime's own ones before they are gone.
import "./runtime_network.ts";
import { epollNetwork } from "../src/transport/epoll/mod.ts";
import { tcpNetwork } from "../src/transport/network.ts";

const network = epollNetwork();
Object.assign(tcpNetwork, {
  listen: network.listen.bind(network),
  connect: network.connect.bind(network),
  released: network.released?.bind(network),
});

// A context waits until the network's threads are back; a test of less than a context needs not.
Deno.test.afterEach(() => network.released!());
