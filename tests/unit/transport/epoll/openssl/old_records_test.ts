/** What a client of TLS 1.2 may send behind its handshake: alerts that warn, and hellos. */

import { assert, assertEquals } from "@std/assert";
import { memoryPair } from "../../../../../src/testing/memory_transport.ts";
import { opensslStack } from "../../../../../src/transport/epoll/openssl/stack.ts";
import type { OpensslTransport } from "../../../../../src/transport/epoll/openssl/transport.ts";
import { makeCertificates } from "../../../../support/certificates.ts";
import { Recorder } from "../../../../support/transport_contract.ts";
import { ALERT, BY_HAND, DATA, HANDSHAKE, RecordsByHand } from "../../../../support/tls/by_hand.ts";
import { TLS_STACKS } from "../../../../support/tls/stacks.ts";

const { localhost, ca } = await makeCertificates();
/** RFC 5246 section 7.2: a warning, user_canceled. */
const WARNING = Uint8Array.of(1, 90);
const PING = new TextEncoder().encode("ping");
const openssl = opensslStack();

interface Ends {
  readonly own: Recorder;
  readonly hand: RecordsByHand;
  /** The message of the client's hello. */
  readonly hello: Uint8Array;
  /** The types of the records that the server has sent behind the handshake. */
  readonly answers: number[];
}

function testClient(name: string, use: (ends: Ends) => Promise<void>): void {
  for (const stack of TLS_STACKS) {
    Deno.test(`${stack.name}: ${name}`, async () => {
      const server = stack.server({ identity: localhost });
      const client = openssl.client({ ca: [ca.cert], disableOsCaCerts: true }, BY_HAND);
      const [near, far] = memoryPair();
      let hello: Uint8Array | undefined;
      const write = near.write.bind(near);
      near.write = (bytes) => (hello ??= bytes.slice(5), write(bytes));
      const [made, ownEnd] = await Promise.all([
        client.secure(near, { serverName: "localhost" }).done,
        server.secure(far).done,
      ]);
      const own = new Recorder(ownEnd);
      const answers: number[] = [];
      const answer = far.write.bind(far);
      far.write = (bytes) => (answers.push(bytes[0]!), answer(bytes));
      const hand = new RecordsByHand(made as OpensslTransport, near);
      await use({ own, hand, hello: hello!, answers });
      made.close();
      near.close();
      own.transport.close();
      await own.until(() => own.count("close") === 1);
      client.close?.();
      server.close?.();
    });
  }
}

for (const count of [4, 5]) {
  const isEnd = count === 5;
  testClient(
    `${count} alerts that warn, one after the other, are ${isEnd ? "the end" : "taken"}`,
    async ({ own, hand }) => {
      await hand.send([ALERT, WARNING, count], [DATA, PING]);
      await own.until(() => own.takenLength === 4 || own.count("close") === 1);
      assertEquals([own.text, own.count("close")], isEnd ? ["", 1] : ["ping", 0]);
    },
  );
}

testClient(
  "a hello behind the handshake is refused, and the connection goes on",
  async ({ own, hand, hello, answers }) => {
    await hand.send([HANDSHAKE, hello], [DATA, PING]);
    await own.untilTaken(4);
    assertEquals([own.text, own.count("close"), answers], ["ping", 0, [ALERT]]);
  },
);

testClient(
  "hellos behind the handshake, one after the other, are the end",
  async ({ own, hand, hello }) => {
    await hand.send([HANDSHAKE, hello, 100], [DATA, PING]);
    await own.until(() => own.count("close") === 1);
    assert(own.closeError instanceof Error);
    assertEquals(own.takenLength, 0);
  },
);
