/** Both sides of TLS over sockets, without a context. */

import { assert, assertEquals } from "@std/assert";
import { LwsError } from "../../../src/base/errors.ts";
import { Recorder } from "../../support/transport_contract.ts";
import { overStacks, pairOn, type TestedStack } from "../../support/tls/stacks.ts";
import { made } from "./server.ts";

const TRUSTING = { ca: [made.ca.cert], disableOsCaCerts: true };

/** A raw connection, and the handshake that the server has begun on it. */
async function half(stack: TestedStack) {
  const listener = stack.network.listen({ hostname: "127.0.0.1", port: 0 });
  const [conn, accepted] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port: listener.address.port }),
    listener.accept(),
  ]);
  listener.close();
  return { conn, handshake: stack.server({ identity: made.localhost }).secure(accepted) };
}

/** Both ends of a connection that is through with its handshake. */
async function whole(stack: TestedStack) {
  const [near, far] = await pairOn(stack.network);
  return await Promise.all([
    stack.client(TRUSTING).secure(near, { serverName: "localhost" }).done,
    stack.server({ identity: made.localhost }).secure(far).done,
  ]);
}

async function failureOf(done: PromiseLike<unknown>): Promise<LwsError> {
  const error = await done.then(() => undefined, (error) => error);
  assert(error instanceof LwsError);
  return error;
}

overStacks(
  "a peer that resets in the middle of the handshake costs its own connection",
  async (stack) => {
    const { conn, handshake } = await half(stack);
    await conn.write(Uint8Array.fromHex("1603010200"));
    conn.close();
    assertEquals((await failureOf(handshake.done)).code, "connection-closed");
  },
);

overStacks(
  "a peer that speaks plain HTTP is answered with an alert, and the end",
  async (stack) => {
    const { conn, handshake } = await half(stack);
    await conn.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assertEquals((await failureOf(handshake.done)).code, "tls-handshake-failed");
    const answer = new Uint8Array(100);
    const count = await conn.read(answer);
    // RFC 8446 section 6: an alert record, fatal.
    assertEquals([answer[0], answer[5]], [0x15, 2]);
    assertEquals(count, 7);
    assertEquals(await conn.read(answer), null);
    conn.close();
  },
);

overStacks(
  "a peer that resets an established connection breaks it, with the reason",
  async (stack) => {
    const [clientEnd, serverEnd] = await whole(stack);
    const far = new Recorder(serverEnd);
    far.whenDrained = () => serverEnd.write(new Uint8Array(100_000));
    serverEnd.write(new Uint8Array(100_000));
    // Closing with unread input resets the connection.
    clientEnd.close();
    await far.until(() => far.count("close") === 1);
    assert(far.closeError instanceof Error);
  },
);

for (const reader of ["server", "client"] as const) {
  overStacks(
    `over TCP, a ${reader} that stops reading stops the sender, and loses nothing`,
    async (stack) => {
      const ends = await whole(stack);
      if (reader === "client") ends.reverse();
      const sender = new Recorder(ends[0]);
      const stopped = new Recorder(ends[1]);
      stopped.keeps = false;
      stopped.transport.pause();
      // More than the buffers of any system hold on the way.
      const size = 64 * 1024 * 1024;
      sender.transport.write(new Uint8Array(size));
      // A word the other way comes through, and so has whatever else could.
      await stopped.write("stop");
      await sender.untilTaken(4);
      for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
      assertEquals(sender.count("drain"), 0);
      assertEquals(stopped.takenLength, 0);
      stopped.transport.resume();
      await stopped.untilTaken(size);
      await sender.until(() => sender.count("drain") === 1);
      for (const end of [sender, stopped]) {
        end.transport.close();
        await end.until(() => end.count("close") === 1);
      }
    },
  );
}
