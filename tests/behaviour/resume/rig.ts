/** Contexts that share a broker on a network in memory, and clients that may be cut and hop between them. */

import { type Broker, memoryBroker, type Position } from "../../../mod.ts";
import {
  resumable,
  type ResumableDefinition,
  type ResumeClient,
  resumeClient,
  type ResumeClientOptions,
  type ResumeSocket,
} from "../../../src/resume/mod.ts";
import {
  FakeClock,
  type FaultyBroker,
  faultyBroker,
  MemoryNetwork,
  type MemoryWebSocket,
  serve,
  type Served,
  type ServeOptions,
} from "../../../src/testing/mod.ts";
import { settle } from "../../support/serve.ts";

type Listener = ((event: never) => void) | null;

/** The web's `WebSocket`, as far as the client uses it, in memory. */
export class MemorySocket implements ResumeSocket {
  binaryType = "blob";
  onopen: Listener = null;
  onmessage: Listener = null;
  onclose: Listener = null;
  #socket: MemoryWebSocket | undefined;
  #isClosing = false;

  constructor(dialled: Promise<MemoryWebSocket>) {
    dialled.then((socket) => this.#run(socket), () => this.#ended({ code: 1006, reason: "" }));
  }

  async #run(socket: MemoryWebSocket): Promise<void> {
    this.#socket = socket;
    if (this.#isClosing) socket.close();
    else this.onopen?.({} as never);
    for (;;) {
      let message: string | Uint8Array;
      try {
        message = await socket.next();
      } catch {
        return this.#ended(await socket.closed);
      }
      const data = typeof message === "string" ? message : message.slice().buffer;
      this.onmessage?.({ data } as never);
    }
  }

  #ended(end: { readonly code: number; readonly reason: string }): void {
    this.#isClosing = true;
    this.onclose?.(end as never);
  }

  /** As the web's, it drops what can't leave. */
  send(data: string | Uint8Array): void {
    try {
      if (!this.#isClosing) this.#socket!.send(data);
    } catch {
      // It was cut.
    }
  }

  close(code?: number): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    try {
      this.#socket?.close(code);
    } catch {
      // It was cut.
    }
  }

  /** The connection breaks. */
  cut(): void {
    this.#socket?.peer.reset();
  }

  /** Nothing gets through any more, and neither end hears of that. */
  deafen(): void {
    const { transport } = this.#socket!.peer;
    transport.hold();
    transport.peer.hold();
  }
}

/** One client, which says to which context it connects next. */
export interface Roamer {
  readonly client: ResumeClient;
  readonly errors: unknown[];
  /** The context that it connects to the next time. */
  at: number;
  /** How often it has connected. */
  connects: number;
  cut(): void;
  deafen(): void;
}

export class ResumeRig {
  readonly clock = new FakeClock();
  readonly network = new MemoryNetwork();
  readonly brokers: FaultyBroker[];
  readonly served: Served[];
  readonly #roamers: Roamer[] = [];

  constructor(
    store: Broker = memoryBroker({ historySize: 100 }),
    definition: Partial<ResumableDefinition<undefined>> = {},
    options: ServeOptions = {},
  ) {
    const { network, clock } = this;
    this.brokers = [faultyBroker(store), faultyBroker(store)];
    this.served = this.brokers.map((broker) =>
      serve(resumable({ authorize: () => true, ...definition }), {
        ...{ broker, network, clock },
        ...options,
      })
    );
  }

  roam(options: ResumeClientOptions = {}): Roamer {
    let socket: MemorySocket | undefined;
    const errors: unknown[] = [];
    const connect = () => {
      roamer.connects++;
      const { port } = this.served[roamer.at]!;
      const dialled = this.network.dialWebSocket(port, { protocol: "lws.resume.v1" });
      return socket = new MemorySocket(dialled);
    };
    const onError = (error: unknown) => void errors.push(error);
    const means = { cut: () => socket?.cut(), deafen: () => socket?.deafen() };
    const roamer = { at: 0, connects: 0, errors, ...means };
    const { clock } = this;
    const client = resumeClient(connect, { clock, random: () => 0.5, onError, ...options });
    const made = Object.assign(roamer, { client });
    this.#roamers.push(made);
    return made;
  }

  publish(topic: string, text: string, at = 0): Promise<Position> {
    return this.served[at]!.context.publish(topic, text);
  }

  /** Time goes by, and what comes of it happens. */
  async pass(ms: number, step = 100): Promise<void> {
    for (let left = ms; left > 0; left -= step) {
      this.clock.advance(Math.min(left, step));
      await settle();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { client } of this.#roamers) client.close();
    for (const each of this.served) await each[Symbol.asyncDispose]();
  }
}

/** What a client was handed of a topic, in order: texts, and gaps as `"(epoch)"`. */
export function follow({ client }: Roamer, topic: string, since?: Position) {
  const got: string[] = [];
  const subscription = client.subscribe(topic, {
    ...since && { since },
    onMessage: (data) => void got.push(String(data)),
    onGap: ({ cause }) => void got.push(`(${cause})`),
    onRefused: (reason) => void got.push(`(${reason})`),
  });
  return { got, subscription };
}
