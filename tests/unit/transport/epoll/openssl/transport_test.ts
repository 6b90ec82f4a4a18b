import { assert, assertEquals } from "@std/assert";
import type { TransportHandler } from "../../../../../src/api/network.ts";
import { LwsError } from "../../../../../src/base/errors.ts";
import { memoryPair, type MemoryTransport } from "../../../../../src/testing/memory_transport.ts";
import { opensslStack } from "../../../../../src/transport/epoll/openssl/stack.ts";
import { makeCertificates } from "../../../../support/certificates.ts";
import { Recorder } from "../../../../support/transport_contract.ts";
import { sendLongTickets } from "./own_openssl.ts";

const { localhost, ca, client: identity } = await makeCertificates();
const stack = opensslStack();

/** What a full record of 512 bytes takes, RFC 8446 section 5.2. */
const RECORD = 5 + 512 + 1 + 16;

interface Ends {
  readonly peer: Recorder;
  readonly own: Recorder;
  /** Below the client. */
  readonly near: MemoryTransport;
  readonly below: TransportHandler;
}

/** Registers a test of a client that has read the first of a ticket's two records; `near` holds the second. */
function testAmidTicket(name: string, use: (ends: Ends) => Promise<void> | void): void {
  Deno.test(name, async () => {
    const server = stack.server(
      { identity: localhost, ca: [ca.cert], clientCertificate: "require" },
      {},
      { trust: (sslCtx) => (sendLongTickets(sslCtx), []), privateKey: () => undefined },
    );
    const side = stack.client({ ca: [ca.cert], disableOsCaCerts: true, identity }, {});
    const [near, far] = memoryPair();
    let below: TransportHandler | undefined;
    let left = Infinity;
    const { promise: amidTicket, resolve } = Promise.withResolvers<void>();
    const start = near.start.bind(near);
    near.start = (handler) => {
      below = handler;
      start({
        onBytes(bytes) {
          const taken = handler.onBytes(bytes);
          left -= taken;
          if (left === 0) {
            near.hold();
            near.chop(Infinity);
            resolve();
          }
          return taken;
        },
        onDrain: () => handler.onDrain(),
        onEnd: () => handler.onEnd(),
        onClose: (error) => handler.onClose(error),
      });
    };
    const shaking = side.secure(near, { serverName: "localhost" });
    const [peerEnd, ownEnd] = await Promise.all([shaking.done, server.secure(far).done]);
    near.chop(1);
    left = RECORD;
    const own = new Recorder(ownEnd);
    const peer = new Recorder(peerEnd);
    await amidTicket;
    await use({ peer, own, near, below: below! });
    for (const end of [peer, own]) {
      end.transport.close();
      await end.until(() => end.count("close") === 1);
    }
    side.close!();
    server.close!();
  });
}

testAmidTicket("what is written amid a ticket leaves behind it", async ({ peer, own, near }) => {
  peer.send(new TextEncoder().encode("ping"));
  assertEquals(peer.count("drain"), 0);
  near.release();
  await own.untilTaken(4);
  assertEquals([own.text, peer.count("drain")], ["ping", 1]);
  await own.write("pong");
  await peer.untilTaken(4);
});

testAmidTicket(
  "an end amid a ticket comes behind what was written",
  async ({ peer, own, near }) => {
    peer.send(new TextEncoder().encode("ping"));
    peer.transport.end();
    near.release();
    await own.until(() => own.count("end") === 1);
    assertEquals([own.text, own.closeError], ["ping", undefined]);
  },
);

for (const isFirst of [true, false]) {
  testAmidTicket(
    `a client that pauses ${isFirst ? "before" : "behind"} a write reads the ticket, and no more`,
    async ({ peer, own, near }) => {
      if (isFirst) peer.transport.pause();
      peer.send(new TextEncoder().encode("ping"));
      if (!isFirst) peer.transport.pause();
      own.send(new TextEncoder().encode("pong"));
      near.release();
      await own.untilTaken(4);
      own.send(new TextEncoder().encode("more"));
      await peer.write("ping");
      await own.untilTaken(8);
      assertEquals(peer.takenLength, 0);
      peer.transport.resume();
      await peer.untilTaken(8);
      assertEquals(peer.text, "pongmore");
    },
  );
}

testAmidTicket(
  "a write ends with a peer that ends amid a ticket",
  ({ peer, near, below }) => {
    peer.send(Uint8Array.of(1));
    below.onEnd();
    assert(peer.closeError instanceof LwsError);
    assertEquals([peer.closeError.code, peer.count("end")], ["connection-closed", 0]);
    near.release();
  },
);

for (const answers of [true, false]) {
  const how = answers ? "leaves with the answer to" : "leaves behind";
  Deno.test(`a ticket ${how} what has come with the end of the handshake`, async () => {
    const server = stack.server({ identity: localhost }, {});
    const client = stack.client({ ca: [ca.cert], disableOsCaCerts: true }, {});
    const [near, far] = memoryPair();
    let writes = 0;
    const write = far.write.bind(far);
    far.write = (bytes) => (writes++, write(bytes));
    const send = near.write.bind(near);
    let hello: Uint8Array | undefined;
    let last: Uint8Array | undefined;
    near.write = (bytes) => {
      if (hello === undefined) return send(hello = bytes);
      // What comes behind the end of the handshake is read with it.
      if (last !== undefined) return send(Uint8Array.of(...last, ...bytes));
      last = bytes.slice();
      return true;
    };
    const shaking = server.secure(far);
    const peer = new Recorder(await client.secure(near, { serverName: "localhost" }).done);
    peer.send(new TextEncoder().encode("ping"));
    const own = new Recorder(await shaking.done);
    assertEquals(writes, 1, "it is held");
    own.take = (bytes) => {
      if (answers) own.send(new TextEncoder().encode("pong"));
      return bytes.length;
    };
    await own.untilTaken(4);
    assertEquals([own.text, writes], ["ping", 2]);
    if (answers) await peer.untilTaken(4);
    assertEquals(peer.text, answers ? "pong" : "");
    for (const end of [peer, own]) {
      end.transport.close();
      await end.until(() => end.count("close") === 1);
    }
    client.close!();
    server.close!();
  });
}
