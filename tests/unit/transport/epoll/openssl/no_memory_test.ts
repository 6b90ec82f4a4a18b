/** Connections share OpenSSL's pipes: where one has no memory or fails, the next one gets nothing of it. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { LwsError } from "../../../../../src/base/errors.ts";
import { memoryPair } from "../../../../../src/testing/memory_transport.ts";
import { opensslStack } from "../../../../../src/transport/epoll/openssl/stack.ts";
import { makeCertificates } from "../../../../support/certificates.ts";
import { failing, noMemory } from "../../../../support/faults/failing.ts";
import { Recorder } from "../../../../support/transport_contract.ts";
import { CountedOpenssl } from "./counted.ts";

const { localhost, ca, client: identity } = await makeCertificates();
const ONE = Uint8Array.of(1);

interface Ends {
  readonly peer: Recorder;
  readonly own: Recorder;
}

/** Lends two connections by one table: the first fails, the second has to be well then. */
async function withTwo(
  use: (failing: Ends, other: Ends, counted: CountedOpenssl) => Promise<void> | void,
): Promise<void> {
  const counted = new CountedOpenssl();
  const stack = opensslStack(counted.openssl);
  const server = stack.server({ identity: localhost }, {});
  const client = stack.client({ ca: [ca.cert], disableOsCaCerts: true }, {});
  const open = async (): Promise<Ends> => {
    const [near, far] = memoryPair();
    const [peer, own] = await Promise.all([
      client.secure(near, { serverName: "localhost" }).done,
      server.secure(far).done,
    ]);
    const ends = { peer: new Recorder(peer), own: new Recorder(own) };
    await ends.peer.write("ping");
    await ends.own.untilTaken(4);
    return ends;
  };
  const [first, other] = [await open(), await open()];
  await use(first, other, counted);
  await other.own.write("pong");
  await other.peer.untilTaken(4);
  assertEquals(other.peer.text, "pong");
  for (const end of [first.peer, first.own, other.peer, other.own]) {
    end.transport.close();
    await end.until(() => end.count("close") === 1);
  }
  client.close!();
  server.close!();
  assertEquals(counted.held, { BIO_free: 2 });
}

/** No memory for a buffer of so many bytes at least. */
function none(least: number) {
  const isIt = ([length]: readonly unknown[]) => typeof length === "number" && length >= least;
  return failing(globalThis, "Uint8Array", { isIt, error: noMemory });
}

Deno.test("no memory for what is read behind a rest ends its connection, and the next one doesn't read it", () =>
  withTwo(async ({ peer, own }, other) => {
    own.take = () => 0;
    await peer.write("a rest");
    using fault = none(256 * 1024);
    await peer.write("what comes behind it");
    await own.until(() => own.count("close") === 1);
    assert(own.closeError instanceof RangeError);
    assertEquals(fault.failed, 1);
    await other.peer.write("next");
    await other.own.untilTaken(8);
  }));

Deno.test("no memory for what is to be sent ends its connection, and it doesn't leave with the next one's", () =>
  withTwo(async ({ own }) => {
    using fault = none(60 * 1024);
    own.send(new Uint8Array(50 * 1024));
    await own.until(() => own.count("close") === 1);
    assert(own.closeError instanceof RangeError);
    assertEquals(fault.failed, 1);
  }));

Deno.test("what was encrypted when it failed doesn't leave with the next one's", () =>
  withTwo(async ({ own }, _other, counted) => {
    counted.judge = (name) => {
      if (name !== "SSL_write") return undefined;
      counted.judge = () => undefined;
      return counted.breaks(true);
    };
    own.send(ONE);
    await own.until(() => own.count("close") === 1);
    assert(own.closeError instanceof LwsError);
  }));

for (const verb of ["close", "end"] as const) {
  Deno.test(`no memory for the last word: ${verb} goes on without it`, () =>
    withTwo(async ({ own, peer }, other) => {
      // It has the buffer that there is.
      other.own.send(ONE);
      {
        using fault = none(4096);
        own.transport[verb]();
        assertEquals(fault.failed, 1);
      }
      await peer.until(() => peer.count("end") + peer.count("close") > 0);
      other.peer.taken.length = other.peer.takenLength = 0;
      await other.own.until(() => other.own.count("drain") === 1);
    }));
}

Deno.test("a client that can't say which host it means says nothing, and fails", () => {
  const counted = new CountedOpenssl();
  const client = opensslStack(counted.openssl).client({ disableOsCaCerts: true }, {});
  counted.judge = (name) => name === "SSL_ctrl" ? () => 0n : undefined;
  const [near] = memoryPair();
  const secure = () => client.secure(near, { serverName: "localhost" });
  assertEquals(assertThrows(secure, LwsError).code, "tls-handshake-failed");
  client.close!();
  assertEquals(counted.held, { BIO_free: 2 });
});

Deno.test("a client whose certificate can't be judged for want of memory isn't let in", async () => {
  const counted = new CountedOpenssl();
  const stack = opensslStack(counted.openssl);
  const asks = { identity: localhost, ca: [ca.cert], clientCertificate: "require" } as const;
  const server = stack.server(asks, {});
  const client = stack.client({ ca: [ca.cert], disableOsCaCerts: true, identity }, {});
  for (const name of ["X509_STORE_CTX_new", "X509_STORE_CTX_set_default"] as const) {
    const [near, far] = memoryPair();
    counted.next(name, name === "X509_STORE_CTX_new" ? null : 0);
    const shown = client.secure(near, { serverName: "localhost" }).done;
    const code = await server.secure(far).done.then(() => "let in", ({ code }) => code);
    assertEquals(code, "certificate-refused", name);
    (await shown).close();
  }
  client.close!();
  server.close!();
  assertEquals(counted.held, { BIO_free: 2 });
});
