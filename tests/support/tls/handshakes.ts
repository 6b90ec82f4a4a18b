/** TLS handshakes between two transports in memory. */

import { memoryPair, type MemoryTransport } from "../../../src/testing/memory_transport.ts";
import type { TlsConnectOptions } from "../../../src/tls/client.ts";
import { LwsError } from "../../../src/base/errors.ts";
import type { SecureOptions } from "../../../src/tls/server.ts";
import type { ClientSide, SecuredTransport, ServerSide } from "../../../src/tls/stack.ts";
import { Recorder } from "../transport_contract.ts";

/** What became of a handshake, at both ends. */
export interface Outcome extends AsyncDisposable {
  readonly client: SecuredTransport | LwsError;
  readonly server: SecuredTransport | LwsError;
  /** The transports below. */
  readonly below: readonly [MemoryTransport, MemoryTransport];
}

/** Lets a client and a server shake hands. */
export async function shakeHands(
  client: ClientSide,
  server: ServerSide,
  connectOptions: TlsConnectOptions = { serverName: "localhost" },
  secureOptions: SecureOptions = {},
): Promise<Outcome> {
  const below = memoryPair();
  const [clientEnd, serverEnd] = await Promise.all([
    settled(client.secure(below[0], connectOptions).done),
    settled(server.secure(below[1], secureOptions).done),
  ]);
  return {
    client: clientEnd,
    server: serverEnd,
    below,
    async [Symbol.asyncDispose]() {
      for (const end of [clientEnd, serverEnd]) if (!(end instanceof LwsError)) await closed(end);
    },
  };
}

async function settled(done: PromiseLike<SecuredTransport>): Promise<SecuredTransport | LwsError> {
  try {
    return await done;
  } catch (error) {
    if (error instanceof LwsError) return error;
    throw error;
  }
}

/** Closes an end that nobody started, or somebody did. */
function closed(end: SecuredTransport): Promise<void> {
  end.close();
  return new Promise((resolve) => setImmediate(resolve));
}

/** The transport, or the failure as a test's failure. */
export function secured(end: SecuredTransport | LwsError): SecuredTransport {
  if (end instanceof LwsError) throw end;
  return end;
}

/** The failure, or a test's failure. */
export function refused(end: SecuredTransport | LwsError): LwsError {
  if (end instanceof LwsError) return end;
  end.close();
  throw new Error("the handshake should have failed");
}

/** Sends a word to and fro. */
export async function converse(outcome: Outcome): Promise<void> {
  const near = new Recorder(secured(outcome.client));
  const far = new Recorder(secured(outcome.server));
  await near.write("ping");
  await far.untilTaken(4);
  await far.write("pong");
  await near.untilTaken(4);
  if (far.text !== "ping" || near.text !== "pong") throw new Error(`${far.text}, ${near.text}`);
  for (const end of [near, far]) {
    end.transport.close();
    await end.until(() => end.count("close") === 1);
  }
}
