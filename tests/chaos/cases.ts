/** The cases: which client talks to which server, over what. */

import { permessageDeflate } from "../../mod.ts";
import { epollNetwork, isEpollAvailable } from "../../src/transport/epoll/mod.ts";
import type { Network } from "../../src/api/network.ts";
import { PYTHON } from "../peers/peer.ts";
import type { ClientEnd, ServerEnd, Setting } from "./ends/end.ts";
import { ourClient, type OurOptions, ourServer } from "./ends/ours.ts";
import { pythonClient, pythonServer } from "./ends/python.ts";
import { runtimeClient, runtimeServer } from "./ends/runtime.ts";
import { NO_TAKEOVER, wsClient, wsServer } from "./ends/ws.ts";

/** A client and a server that are to talk through proxies. */
export interface Case {
  readonly name: string;
  /** Whether all it needs is on this machine. */
  readonly isThere: boolean;
  /** Whether the proxies in between are unix sockets. */
  readonly isUnix?: boolean;
  server(setting: Setting): ServerEnd | Promise<ServerEnd>;
  client(setting: Setting): ClientEnd;
}

const DEFLATE: OurOptions = { extensions: [permessageDeflate({ threshold: 0 })] };
const TAKEOVER: OurOptions = {
  extensions: [
    permessageDeflate({
      threshold: 0,
      serverNoContextTakeover: false,
      clientNoContextTakeover: false,
    }),
  ],
};

let epoll: Network | undefined;
let openssl: Network | undefined;
const overEpoll = (): OurOptions => ({ network: epoll ??= epollNetwork() });
const overOpenssl = (): OurOptions => ({ network: openssl ??= epollNetwork({ tls: "openssl" }) });
const overTcp = (): OurOptions => ({});
const overNode = (): OurOptions => ({ byNode: true });

/** Whether the network of C's sockets is there, and with it OpenSSL. */
const hasEpoll = isEpollAvailable();
const hasOpenssl = hasEpoll && succeeds(overOpenssl);

function succeeds(run: () => unknown): boolean {
  try {
    run();
    return true;
  } catch {
    return false;
  }
}

type Side = () => OurOptions;

/** Ours with ours. */
function ours(name: string, isThere: boolean, server: Side, client = server): Case {
  return {
    name: `ours-ours/${name}`,
    isThere,
    server: () => ourServer(server()),
    client: () => ourClient(client()),
  };
}

/** Ours with ours over unix sockets. */
function unix(name: string, isThere: boolean, side: Side): Case {
  return {
    ...ours(`unix-${name}`, isThere, side),
    isUnix: true,
    server: ({ folder }) => ourServer({ ...side(), socketPath: `${folder}/${name}.sock` }),
  };
}

/** Ours with ours over TLS. */
function secure(name: string, isThere: boolean, server: Side, client = server): Case {
  return {
    name: `ours-ours/tls-${name}`,
    isThere,
    server: ({ identity }) => ourServer({ ...server(), identity }),
    client: ({ identity }) => ourClient({ ...client(), identity }),
  };
}

function both(...sides: readonly Side[]): Side {
  return () => Object.assign({}, ...sides.map((each) => each()));
}

const deflated = () => DEFLATE;
const takenOver = () => TAKEOVER;
const manual = (): OurOptions => ({ service: "manual" });

/** All cases, in the order in which connections are dealt out to them. */
export const CASES: readonly Case[] = [
  ours("tcp", true, overTcp),
  ours("node", true, overNode),
  ours("epoll", hasEpoll, overEpoll),
  ours("epoll-tcp", hasEpoll, overEpoll, overTcp),
  ours("manual", true, manual),
  ours("manual-epoll", hasEpoll, both(manual, overEpoll)),
  ours("deflate-tcp", true, deflated),
  ours("takeover-tcp", true, takenOver),
  ours("takeover-epoll", hasEpoll, both(overEpoll, takenOver)),
  unix("tcp", true, overTcp),
  unix("epoll", hasEpoll, both(overEpoll, deflated)),
  secure("node", true, overTcp),
  secure("runtime", true, overTcp, () => ({ byRuntime: true })),
  secure("node-epoll", hasEpoll, overEpoll),
  secure("openssl", hasOpenssl, overOpenssl),
  secure("openssl-takeover", hasOpenssl, both(overOpenssl, takenOver)),
  secure("openssl-manual", hasOpenssl, both(overOpenssl, manual)),
  secure("openssl-runtime", hasOpenssl, overOpenssl, () => ({ byRuntime: true })),
  secure("node-openssl", hasOpenssl, overTcp, overOpenssl),
  {
    name: "ws-ours/plain",
    isThere: true,
    server: () => ourServer(),
    client: () => wsClient(),
  },
  {
    name: "ws-ours/deflate-epoll",
    isThere: hasEpoll,
    server: () => ourServer({ ...overEpoll(), ...DEFLATE }),
    client: () => wsClient({ deflate: NO_TAKEOVER }),
  },
  {
    name: "ws-ours/takeover",
    isThere: true,
    server: () => ourServer(TAKEOVER),
    client: () => wsClient({ deflate: true }),
  },
  {
    name: "ws-ours/tls-node",
    isThere: true,
    server: ({ identity }) => ourServer({ identity }),
    client: ({ identity }) => wsClient({ identity }),
  },
  {
    name: "ws-ours/tls-openssl",
    isThere: hasOpenssl,
    server: ({ identity }) => ourServer({ ...overOpenssl(), identity }),
    client: ({ identity }) => wsClient({ identity }),
  },
  {
    name: "ours-ws/plain-epoll",
    isThere: hasEpoll,
    server: () => wsServer(),
    client: () => ourClient(overEpoll()),
  },
  {
    name: "ours-ws/deflate",
    isThere: true,
    server: () => wsServer({ deflate: NO_TAKEOVER }),
    client: () => ourClient(DEFLATE),
  },
  {
    name: "ours-ws/takeover",
    isThere: true,
    server: () => wsServer({ deflate: true }),
    client: () => ourClient(TAKEOVER),
  },
  {
    name: "ours-ws/tls-openssl",
    isThere: hasOpenssl,
    server: ({ identity }) => wsServer({ identity }),
    client: ({ identity }) => ourClient({ ...overOpenssl(), identity }),
  },
  {
    name: "runtime-ours/plain",
    isThere: true,
    server: () => ourServer(),
    client: () => runtimeClient(),
  },
  {
    name: "runtime-ours/tls-openssl",
    isThere: hasOpenssl,
    server: ({ identity }) => ourServer({ ...overOpenssl(), identity }),
    client: () => runtimeClient(true),
  },
  {
    name: "ours-runtime/plain",
    isThere: true,
    server: () => runtimeServer(),
    client: () => ourClient(),
  },
  {
    name: "ours-runtime/tls",
    isThere: true,
    server: ({ identity }) => runtimeServer(identity),
    client: ({ identity }) => ourClient({ identity, byRuntime: true }),
  },
  {
    name: "python-ours/plain",
    isThere: PYTHON.isThere,
    server: () => ourServer(),
    client: () => pythonClient(),
  },
  {
    name: "python-ours/takeover",
    isThere: PYTHON.isThere,
    server: () => ourServer(TAKEOVER),
    client: () => pythonClient("takeover"),
  },
  {
    name: "python-ours/tls-openssl",
    isThere: PYTHON.isThere && hasOpenssl,
    server: ({ identity }) => ourServer({ ...overOpenssl(), identity }),
    client: ({ identity }) => pythonClient("", identity),
  },
  {
    name: "ours-python/plain",
    isThere: PYTHON.isThere,
    server: () => pythonServer(),
    client: () => ourClient(),
  },
  {
    name: "ours-python/takeover",
    isThere: PYTHON.isThere,
    server: () => pythonServer("takeover"),
    client: () => ourClient(TAKEOVER),
  },
];
