/** Contexts of any generation on the loopback interface, for what needs the runtime's own sockets. */

import { assertEquals } from "@std/assert";
import type { Context, Network, Wsi } from "../../mod.ts";
import { PATIENT } from "../support/patience.ts";
import { freePort } from "../support/free_port.ts";
import { useHost } from "../../src/compat/calls/creation.ts";
import { overNetwork } from "../../src/compat/calls/over_network.ts";
import type { Callback, ContextSpec, Face } from "./support.ts";
import { DEC15, FEB11, stayInMemory } from "./support.ts";

/** How long a round of service waits. */
const ROUND_MS = 5;

/** Contexts that are serviced together. */
export interface Loopback extends AsyncDisposable {
  /** Makes a context that listens. */
  serve(face: Face, spec: ContextSpec): Context;
  /** Makes a context that connects. */
  client(face: Face, spec: ContextSpec): Context;
  /** Services the contexts until something is so. */
  until(isSo: () => boolean): Promise<void>;
  /** Connects a client, and tells what became of it. */
  talk(
    face: Face,
    port: number,
    ssl_connection: number,
    spec?: Partial<ContextSpec>,
    protocol?: string | null,
  ): Promise<Talk>;
}

/** What became of a client. */
export interface Talk {
  /** What the server sent back to `hello`; empty when there was no connection. */
  readonly echoed: string;
  /** `lws_is_ssl` of the client. */
  readonly isSsl: number;
}

/** Another network than the runtime's, and how the loop over it goes. */
export interface Over {
  readonly network: Network;
  readonly blocks: boolean;
}

/** Puts contexts on the runtime's sockets, or over another network. */
export function loopback(over?: Over): Loopback {
  useHost({});
  const contexts = new Map<Context, Face>();
  const make = (face: Face, spec: ContextSpec): Context => {
    const create = () => face.create({ limits: PATIENT, ...spec });
    const context = over === undefined
      ? create()
      : overNetwork(over.network, create, over.blocks as false);
    if (context === null) throw new Error(`${face.name} made no context`);
    contexts.set(context, face);
    return context;
  };
  const until = async (isSo: () => boolean) => {
    const timeoutMs = over?.blocks ? 1 : ROUND_MS;
    while (!isSo()) {
      for (const [each, face] of contexts) {
        if (each.isDestroyed) continue;
        const result = face.call("service", each, timeoutMs);
        // A loop of C leaves the runtime no turn.
        assertEquals(over?.blocks ? result : await result, 0);
      }
    }
  };
  const client = (face: Face, spec: ContextSpec) =>
    make(face, { ...spec, port: face.api.CONTEXT_PORT_NO_LISTEN });
  return {
    until,
    client,
    // Port 0 listened on nothing, before 2014.
    serve: (face, spec) => make(face, { port: freePort(), iface: "127.0.0.1", ...spec }),
    async talk(face, port, ssl_connection, spec = {}, protocol = "echo") {
      let isOver = false;
      let kind = 0;
      let echoed = "";
      const { LWS_WRITE_TEXT } = face.api;
      const more = spec.protocols?.[0]?.callback;
      const callback: Callback = (wsi, reason, user, input, len) => {
        if (reason === "CLIENT_ESTABLISHED") {
          kind = isSsl(wsi);
          face.call("write", wsi, "hello", 5, LWS_WRITE_TEXT);
        }
        if (reason === "CLIENT_RECEIVE") {
          echoed = new TextDecoder().decode(input);
          wsi.close(1000);
        }
        if (reason === "CLOSED" || reason === "CLIENT_CONNECTION_ERROR") isOver = true;
        return more?.(wsi, reason, user, input, len);
      };
      const context = client(face, { ...spec, protocols: [{ name: "echo", callback }] });
      const target = ["127.0.0.1", port, ssl_connection, "/", "localhost", null, protocol] as const;
      const wsi = face.call("client_connect", context, ...target, -1) as Wsi | Promise<Wsi | null>;
      if (face === FEB11) {
        void (wsi as Promise<Wsi | null>).then((each) => isOver ||= each === null);
      } else assertEquals((wsi as Wsi).isClient, true);
      await until(() => isOver);
      return { echoed, isSsl: kind };
    },
    async [Symbol.asyncDispose]() {
      stayInMemory();
      await Promise.all([...contexts.keys()].map((each) => each.destroy()));
      await over?.network.released?.();
    },
  };
}

/** A protocol that sends back what it gets, in any generation. */
export function echoing(face: Face, more: Callback = () => 0) {
  const callback: Callback = (wsi, reason, user, input, len) => {
    if (reason === "RECEIVE") face.call("write", wsi, input, len, face.api.LWS_WRITE_TEXT);
    return more(wsi, reason, user, input, len);
  };
  return { name: "echo", callback };
}

/** `lws_is_ssl`, which only the newest generation has. */
export function isSsl(wsi: Wsi): number {
  return DEC15.call("is_ssl", wsi) as number;
}
