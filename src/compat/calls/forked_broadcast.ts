/** Broadcasting from a process or a worker that serves no context of its own, as after C's fork. */

import type { Context } from "../../api/context.ts";
import { LwsError } from "../../base/errors.ts";
import { line, log } from "../../base/log.ts";
import { hostInUse } from "./creation.ts";
import { refuse } from "../engine/guards.ts";
import { NAMELESS, servedOf } from "../engine/served.ts";
import type { BroadcastFilledIn } from "../engine/structs.ts";
import { type Broadcaster, connectBroadcast } from "../../remote/broadcast_client.ts";
import { isTokenText } from "../../remote/broadcast_format.ts";
import { readVariable, writeVariable } from "../../transport/machine.ts";
import { backgroundNetwork } from "../../transport/network.ts";

/** What is passed on: JSON of ports and tokens, by the names of protocols. */
const VARIABLE = "LWS_BROADCAST_SOCKETS";
/** The most bytes that may wait for one socket: C's call blocked until they had left. */
const MAX_UNSENT = 16 * 1024 * 1024;

const NAME = "libwebsockets_broadcast";

interface Socket {
  readonly port: number;
  readonly token: string;
}

type Sockets = Record<string, Socket>;

/**
 * Passes the context's broadcast sockets on to the workers and processes that this one starts from now
 * on, until the context ends. What was inherited with C's fork is an environment variable here, so that
 * it takes `--allow-env=LWS_BROADCAST_SOCKETS`, here and there.
 */
export function passSocketsOn(context: Context): void {
  const served = servedOf(context);
  if (served?.generation.fillsIn !== "broadcast") return;
  const own: Sockets = {};
  for (const { name, broadcastSocketPort: port, broadcastToken: token } of context.protocols) {
    own[name] = { port, token };
  }
  const others = passedOn();
  if (others === null) {
    log(
      "info",
      "libwebsockets_fork_service_loop: other processes are not told where to broadcast, as " +
        `--allow-env=${VARIABLE} is not given`,
    );
    return;
  }
  pass({ ...others, ...own });
  void context.closed.then(() => {
    const rest = Object.entries(passedOn() ?? {}).filter(([name, { token }]) =>
      token !== own[name]?.token
    );
    pass(Object.fromEntries(rest));
  });
}

/** The ways that are open, by where they lead. */
const outlets = new Map<string, Outlet>();
/** The one that a struct took last, which may be closed. */
const taken = new WeakMap<object, Outlet>();

/**
 * Hands bytes in at the broadcast socket of a protocol that no context here serves.
 *
 * @returns How many bytes were taken.
 * @throws {LwsError} `invalid-argument` when it is not known where that is; `connection-closed`;
 *   `invalid-state` when too much is unsent.
 */
export function broadcastBySocket(
  protocol: BroadcastFilledIn & { readonly name?: string | null },
  bytes: Uint8Array,
): number {
  if (typeof protocol !== "object" || protocol === null) {
    refuse("protocol", protocol, "a struct of a context's");
  }
  const outlet = outletOf(protocol);
  // C wrote no byte to its socket for an empty one, so that no connection heard of it.
  return bytes.length === 0 ? 0 : outlet.send(bytes);
}

function pass(sockets: Sockets): void {
  const isEmpty = Object.keys(sockets).length === 0;
  writeVariable(VARIABLE, isEmpty ? undefined : JSON.stringify(sockets));
}

/** What this process was started with; null when it may not look. */
function passedOn(): Sockets | null {
  const text = readVariable(VARIABLE);
  if (text === null) return null;
  const sockets: Sockets = {};
  try {
    for (const [name, { port, token }] of Object.entries(JSON.parse(text ?? "{}") as Sockets)) {
      if (Number.isInteger(port) && isTokenText(token)) sockets[name] = { port, token };
    }
  } catch { /* The variable is another program's. */ }
  return sockets;
}

function keyOf({ port, token }: Socket): string {
  return `${port} ${token}`;
}

function outletOf(protocol: BroadcastFilledIn & { readonly name?: string | null }): Outlet {
  const { broadcast_socket_port: port = 0, broadcast_socket_token: token = "" } = protocol;
  const known = taken.get(protocol);
  const isGiven = port > 0 && isTokenText(token);
  if (!isGiven && known?.isOpen) return known;
  const socket = isGiven ? { port, token } : socketNamed(protocol.name ?? NAMELESS);
  // A context that has ended does not come back.
  if (known?.leadsTo(socket)) return known;
  const outlet = outlets.get(keyOf(socket)) ?? new Outlet(socket);
  taken.set(protocol, outlet);
  return outlet;
}

function socketNamed(name: string): Socket {
  const sockets = passedOn();
  const socket = sockets !== null && Object.hasOwn(sockets, name) ? sockets[name] : undefined;
  if (socket !== undefined) return socket;
  const why = sockets === null
    ? `--allow-env=${VARIABLE} is not given, in which libwebsockets_fork_service_loop passes on`
    : "no libwebsockets_fork_service_loop has passed on";
  throw new LwsError(
    "invalid-argument",
    `protocol is none of a context's here, and ${why} where to broadcast to ${
      JSON.stringify(name)
    }`,
  );
}

/** The way to one broadcast socket; it lasts until the context ends. */
class Outlet {
  readonly #key: string;
  readonly #broadcaster: Promise<Broadcaster>;
  #unsent = 0;
  #failure: LwsError | undefined;

  constructor(socket: Socket) {
    this.#key = keyOf(socket);
    outlets.set(this.#key, this);
    const { network = backgroundNetwork, clock } = hostInUse();
    this.#broadcaster = connectBroadcast({
      ...socket,
      network,
      ...(clock === undefined ? {} : { clock }),
    });
    this.#broadcaster.catch((error) => this.#fail(error));
  }

  get isOpen(): boolean {
    return this.#failure === undefined;
  }

  leadsTo(socket: Socket): boolean {
    return this.#key === keyOf(socket);
  }

  send(bytes: Uint8Array): number {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#unsent + bytes.length > MAX_UNSENT) {
      throw new LwsError(
        "invalid-state",
        `${this.#unsent} bytes are unsent, of at most ${MAX_UNSENT}; ` +
          "let the program await something between broadcasts",
      );
    }
    this.#unsent += bytes.length;
    void this.#deliver(bytes.slice());
    return bytes.length;
  }

  async #deliver(bytes: Uint8Array): Promise<void> {
    try {
      await (await this.#broadcaster).broadcast(bytes);
    } catch (error) {
      this.#fail(error);
    }
    this.#unsent -= bytes.length;
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    outlets.delete(this.#key);
    this.#failure = error instanceof LwsError
      ? error
      : new LwsError("connection-closed", String(error));
    log("err", line`${NAME}: ${this.#failure.message}`);
  }
}
