/** A protocol's broadcast socket: where other processes hand in what is to be broadcast. */

import type { Context } from "../api/context.ts";
import {
  type Listener,
  type Network,
  type Transport,
  type TransportHandler,
  writeAndDrain,
} from "../api/network.ts";
import type { Clock } from "../api/service.ts";
import { line, log } from "../base/log.ts";
import {
  isSameToken,
  MessageReader,
  newToken,
  TOKEN_LENGTH,
  TOKEN_TAKEN,
} from "./broadcast_format.ts";
import { type TimerWheel, WheelTimer } from "../service/timer_wheel.ts";
import { Acceptor, type AcceptorHost } from "../transport/acceptor.ts";
import { listen } from "../transport/listen.ts";

/** What a broadcast socket needs of its context. Implemented by BroadcastInbox. */
export interface BroadcastSocketHost {
  readonly context: Pick<Context, "limits" | "broadcast">;
  readonly wheel: TimerWheel;
  /** Does `work` at once, or when the context is next serviced; all in the order of the calls. */
  deliver(work: () => void): void;
}

const LOOPBACK = "127.0.0.1";

/** A listener on 127.0.0.1 that takes broadcasts on connections that have sent its token. */
export class BroadcastSocket implements AcceptorHost {
  readonly token: string = newToken();
  readonly protocol: string;
  readonly host: BroadcastSocketHost;
  readonly #listener: Listener;
  readonly #acceptor: Acceptor;
  readonly #peers = new Set<BroadcastPeer>();
  #isClosed = false;

  /** Listens; connections are accepted from {@linkcode open} on. @throws {LwsError} as `listen`. */
  constructor(protocol: string, network: Network, clock: Clock, host: BroadcastSocketHost) {
    this.protocol = protocol;
    this.host = host;
    this.#listener = listen(network, { hostname: LOOPBACK, port: 0 });
    this.#acceptor = new Acceptor(this.#listener, this, clock, `broadcast socket of "${protocol}"`);
  }

  get port(): number {
    return this.#listener.address.port;
  }

  get hasRoom(): boolean {
    return true;
  }

  accepted(transport: Transport): void {
    this.#peers.add(new BroadcastPeer(this, transport));
  }

  /** Accepts from now on. */
  open(): void {
    if (!this.#isClosed) void this.#acceptor.run();
  }

  /** Stops listening and closes what was accepted. */
  close(): void {
    this.#isClosed = true;
    this.#acceptor.stop();
    for (const peer of [...this.#peers]) peer.close();
  }

  forget(peer: BroadcastPeer): void {
    this.#peers.delete(peer);
  }
}

/** One connection to a broadcast socket, which may do nothing until it has sent the token. */
class BroadcastPeer implements TransportHandler {
  readonly #socket: BroadcastSocket;
  readonly #transport: Transport;
  readonly #reader: MessageReader;
  readonly #timer: WheelTimer;
  #token = new Uint8Array(TOKEN_LENGTH);
  #tokenLength = 0;
  #isKnown = false;
  #isClosed = false;

  constructor(socket: BroadcastSocket, transport: Transport) {
    const { context: { limits }, wheel } = socket.host;
    this.#socket = socket;
    this.#transport = transport;
    this.#reader = new MessageReader(limits.maxMessageSize, {
      onMessage: (message) => this.#onMessage(message),
      onTooLong: (length) =>
        this.#drop(`sent a message of ${length} bytes, maxMessageSize is ${limits.maxMessageSize}`),
    });
    this.#timer = new WheelTimer({
      onTimeout: () =>
        this.#drop(`did not say the token in time, headerTimeoutMs is ${limits.headerTimeoutMs}`),
    });
    wheel.arm(this.#timer, limits.headerTimeoutMs);
    transport.start(this);
  }

  onBytes(bytes: Uint8Array): number {
    if (this.#isClosed) return bytes.length;
    if (this.#isKnown) return this.#reader.read(bytes);
    const rest = this.#token.length - this.#tokenLength;
    const taken = bytes.subarray(0, rest);
    this.#token.set(taken, this.#tokenLength);
    this.#tokenLength += taken.length;
    if (taken.length < rest) return taken.length;
    if (!isSameToken(this.#token, this.#socket.token)) {
      this.#drop("said a wrong token");
      return bytes.length;
    }
    this.#isKnown = true;
    this.#socket.host.wheel.cancel(this.#timer);
    writeAndDrain(this.#transport, new Uint8Array([TOKEN_TAKEN]), this);
    return rest + this.#reader.read(bytes.subarray(rest));
  }

  /** One message at a time is on its way: the next is read once this one was delivered. */
  #onMessage(message: Uint8Array): boolean {
    const { host, protocol } = this.#socket;
    let isDelivered = false;
    let kept = message;
    host.deliver(() => {
      isDelivered = true;
      host.context.broadcast(protocol, kept);
      this.#transport.resume();
    });
    if (!isDelivered) {
      kept = message.slice();
      this.#transport.pause();
    }
    return isDelivered && !this.#isClosed;
  }

  onDrain(): void {
    // Nothing is written but the answer to the token.
  }

  onEnd(): void {
    if (this.#isKnown) this.close();
    else this.#drop("left without the token");
  }

  onClose(error?: unknown): void {
    if (error !== undefined && !this.#isClosed && !this.#isKnown) {
      this.#drop("left without the token");
    }
    this.#forget();
  }

  close(): void {
    this.#forget();
    this.#transport.close();
  }

  #forget(): void {
    this.#isClosed = true;
    this.#socket.host.wheel.cancel(this.#timer);
    this.#socket.forget(this);
  }

  #drop(why: string): void {
    const { hostname, port } = this.#transport.remoteAddress;
    log(
      "warn",
      () => line`broadcast socket of "${this.#socket.protocol}": ${hostname} port ${port} ${why}`,
    );
    this.close();
  }
}
