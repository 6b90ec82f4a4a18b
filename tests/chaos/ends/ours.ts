/** Our client and our server. */

import type {
  ClientConnectInfo,
  CloseInfo,
  Context,
  ContextCreationInfo,
  Extension,
  Protocol,
  Wsi,
} from "../../../mod.ts";
import { CONTEXT_PORT_NO_LISTEN, createContext, handlers } from "../../../mod.ts";
import { Conversation, type Socket } from "../conversation.ts";
import { randomOf } from "../decisions.ts";
import { faultOf } from "../messages.ts";
import type { Place } from "../proxy.ts";
import type { ClientEnd, Identity, ServerEnd } from "./end.ts";

/** How ours is set up, on either side. */
export interface OurOptions {
  readonly network?: ContextCreationInfo["network"];
  readonly service?: "manual";
  readonly extensions?: readonly Extension[];
  /** With TLS. */
  readonly identity?: Identity | undefined;
  /** Of a client with TLS: by the runtime, which trusts the authority already. */
  readonly byRuntime?: boolean;
  /** By `node:net`. */
  readonly byNode?: boolean;
  /** Of a server: where it listens. */
  readonly socketPath?: string | undefined;
}

const encoder = new TextEncoder();
/** A loop that serves waits no longer for something to do. */
const SERVICE_MS = 50;

/** Longer than a machine with too much to do takes, and shorter than what counts as a hang. */
const PATIENT = { closeTimeoutMs: 120_000, clientTimeoutMs: 120_000, headerTimeoutMs: 120_000 };

/** What is counted, so that it adds up in the end. */
interface Counts {
  wsiCreate: number;
  wsiDestroy: number;
  established: number;
  clientEstablished: number;
  clientConnectionError: number;
  closed: number;
}

function counter(): Counts {
  return {
    wsiCreate: 0,
    wsiDestroy: 0,
    established: 0,
    clientEstablished: 0,
    clientConnectionError: 0,
    closed: 0,
  };
}

function counted<User>(protocol: Protocol<User>, counts: Counts): Protocol<User> {
  return {
    ...protocol,
    callback(...args) {
      if (args[1] in counts) counts[args[1] as keyof Counts]++;
      return protocol.callback(...args);
    },
  };
}

/** What is left of a context without connections, and what does not add up. */
function leftOf(context: Context, counts: Counts): string[] {
  const { servers, clients, http, connecting, unsentBytes, timers, received, sent } = context
    .stats();
  const left = {
    servers: servers.now,
    clients: clients.now,
    http: http.now,
    connecting,
    unsentBytes,
    timers,
  };
  const faults = Object.entries(left).filter(([, count]) => count !== 0).map(([name, count]) =>
    `${name} is ${count}`
  );
  const { wsiCreate, wsiDestroy, established, clientEstablished, closed } = counts;
  const begun = wsiCreate + clientEstablished + counts.clientConnectionError;
  if (begun !== wsiDestroy) faults.push(`${begun} connections, ${wsiDestroy} wsiDestroy`);
  if (established + clientEstablished !== closed) {
    faults.push(`${established + clientEstablished} established, ${closed} closed`);
  }
  if (servers.ever !== established || clients.ever !== clientEstablished) {
    faults.push(`${servers.ever} servers and ${clients.ever} clients ever, ${closed} closed`);
  }
  if ([...context.connections()].length > 0) faults.push("there are connections");
  for (const { payloadBytes, wireBytes } of [received, sent]) {
    if (payloadBytes < 0 || wireBytes < 0) faults.push("a count is negative");
  }
  return faults;
}

/** Serves a context that does not serve itself, until it is destroyed. */
async function serve(context: Context): Promise<void> {
  while (!context.isDestroyed) await context.service(SERVICE_MS);
}

/** Echoes piece by piece, as they come. */
const pieces: Protocol<{ continues: boolean }> = {
  name: "pieces",
  path: "/pieces",
  perSessionData: () => ({ continues: false }),
  callback(wsi, reason, user, data) {
    if (reason === "serverWriteable") return void wsi.rxFlowControl(true);
    if (reason !== "receive") return;
    const fin = wsi.isFinalFragment && wsi.remainingPacketPayload === 0;
    const kind = user.continues ? "continuation" : wsi.frameIsBinary ? "binary" : "text";
    wsi.write(data, kind, { fin });
    user.continues = !fin;
    if (wsi.partialBuffered) {
      wsi.rxFlowControl(false);
      wsi.callbackOnWritable();
    }
  },
};

/** Starts our server; it judges what comes to it where it has it whole. */
export function ourServer(options: OurOptions = {}): ServerEnd {
  const { network, service, extensions = [], identity, byNode, socketPath } = options;
  const counts = counter();
  const wrong: string[] = [];
  const judge = (message: string | Uint8Array, number: number) => {
    const isText = typeof message === "string";
    const fault = faultOf(isText, isText ? encoder.encode(message) : message, number);
    if (fault !== undefined) wrong.push(`at the server: ${fault}`);
  };
  const whole: Protocol<{ count: number }> = {
    name: "whole",
    path: "/whole",
    perSessionData: () => ({ count: 0 }),
    callback: handlers<{ count: number }>({
      message(wsi, user, message) {
        judge(message, user.count++);
        wsi.write(message, typeof message === "string" ? "text" : "binary");
      },
    }),
  };
  const answer = async (wsi: Wsi) => {
    let count = 0;
    for await (const message of wsi.messages()) {
      judge(message, count++);
      await wsi.send(message);
    }
  };
  const loop: Protocol = {
    name: "loop",
    path: "/loop",
    callback: handlers({
      // It rejects when the connection breaks.
      established: (wsi) => void answer(wsi).catch(() => {}),
    }),
  };
  const context = createContext({
    ...PATIENT,
    port: 0,
    ...socketPath === undefined ? { iface: "127.0.0.1" } : { socketPath },
    extensions,
    protocols: [counted(pieces, counts), counted(whole, counts), counted(loop, counts)],
    ...network && { network },
    ...service && { service },
    ...byNode && { reusePort: true },
    ...identity && { sslCertFilepath: identity.cert, sslPrivateKeyFilepath: identity.key },
  });
  if (service === "manual") void serve(context);
  return {
    place: socketPath === undefined ? { port: context.port } : { path: socketPath },
    faults: () => [...leftOf(context, counts), ...wrong],
    [Symbol.asyncDispose]: () => context.destroy(),
  };
}

/** What our client keeps of a connection. */
class Talk implements Socket {
  readonly hasFrames = true;
  readonly conversation: Conversation;
  /** Whether it reads by a loop. */
  readonly loops: boolean;
  readonly pieces: Uint8Array[] = [];
  wsi: Wsi<Talk> | undefined;
  looping: Promise<void> | undefined;

  constructor(name: string, loops: boolean) {
    this.conversation = new Conversation(name);
    this.loops = loops;
  }

  send(bytes: Uint8Array, kind: "text" | "binary" | "continuation", fin: boolean): void {
    this.wsi!.write(bytes, kind, { fin });
  }

  ping(payload: Uint8Array): void {
    this.wsi!.write(payload, "ping");
  }

  close(): void {
    this.wsi!.close(1000);
  }

  async loop(wsi: Wsi<Talk>): Promise<void> {
    try {
      for await (const message of wsi.messages()) {
        const isText = typeof message === "string";
        this.conversation.received(isText, isText ? encoder.encode(message) : message);
      }
    } catch { /* `closed` tells how it has ended. */ }
  }

  /** A loop ends behind what came before. */
  async ended(info: CloseInfo): Promise<void> {
    await this.looping;
    this.conversation.ended(info);
  }

  piece(wsi: Wsi<Talk>, data: Uint8Array): void {
    this.pieces.push(data.slice());
    if (!wsi.isFinalFragment || wsi.remainingPacketPayload > 0) return;
    this.conversation.received(!wsi.frameIsBinary, joined(this.pieces.splice(0)));
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Starts our client. */
export function ourClient(options: OurOptions = {}): ClientEnd {
  const { network, service, extensions = [], identity, byRuntime = false, byNode } = options;
  const counts = counter();
  const protocol: Protocol<Talk> = {
    name: "chaos",
    callback(wsi, reason, talk, data) {
      switch (reason) {
        case "clientEstablished":
          talk.wsi = wsi;
          if (talk.loops) talk.looping = talk.loop(wsi);
          return talk.conversation.opened(talk);
        case "clientReceive":
          return talk.piece(wsi, data);
        case "clientReceivePong":
          return talk.conversation.ponged(data);
        case "clientConnectionError":
          return talk.conversation.ended(undefined);
        case "closed":
          return void talk.ended(data);
      }
    },
  };
  const context = createContext({
    ...PATIENT,
    port: CONTEXT_PORT_NO_LISTEN,
    extensions,
    protocols: [counted(protocol, counts)],
    ...network && { network },
    ...service && { service },
    ...identity && !byRuntime && { sslCaFilepath: identity.ca },
  });
  if (service === "manual") void serve(context);
  return {
    talk(place, name) {
      const below = randomOf(`${name} reads`);
      const talk = new Talk(name, below(2) === 0);
      context.clientConnect({
        ...targetOf(place),
        path: ["/pieces", "/whole", "/loop"][below(3)]!,
        userdata: talk,
        ...identity && { ssl: 1, serverName: "localhost" },
        ...byNode && { iface: "127.0.0.1" },
      });
      return talk.conversation.done;
    },
    faults: () => leftOf(context, counts),
    [Symbol.asyncDispose]: () => context.destroy(),
  };
}

function targetOf(
  place: Place,
): Pick<ClientConnectInfo, "address" | "port" | "socketPath" | "host"> {
  return "port" in place
    ? { address: "127.0.0.1", port: place.port }
    : { socketPath: place.path, host: "localhost" };
}
