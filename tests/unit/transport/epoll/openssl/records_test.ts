import { assert, assertEquals, assertThrows } from "@std/assert";
import { LwsError } from "../../../../../src/base/errors.ts";
import { memoryPair } from "../../../../../src/testing/memory_transport.ts";
import { MOST_HANDSHAKE_RECORDS } from "../../../../../src/tls/client_hello.ts";
import { LARGEST_FEED } from "../../../../../src/transport/epoll/openssl/pipes.ts";
import { Records } from "../../../../../src/transport/epoll/openssl/records.ts";
import { opensslStack } from "../../../../../src/transport/epoll/openssl/stack.ts";
import type { OpensslTransport } from "../../../../../src/transport/epoll/openssl/transport.ts";
import { makeCertificates } from "../../../../support/certificates.ts";
import { Recorder } from "../../../../support/transport_contract.ts";

const { localhost, ca, client: identity } = await makeCertificates();
const { symbols } = Deno.dlopen("libssl.so.3", {
  SSL_key_update: { parameters: ["pointer", "i32"], result: "i32" },
  SSL_do_handshake: { parameters: ["pointer"], result: "i32" },
});
const stack = opensslStack();

/** Records of these lengths. */
function recordsOf(...lengths: number[]): Uint8Array {
  return Uint8Array.from(lengths.flatMap((length) => [
    ...[0x16, 3, 3, length >> 8, length & 0xFF],
    ...new Array(length).fill(0),
  ]));
}

/** The lengths of the pieces that these bytes are taken in. */
function piecesOf(records: Records, bytes: Uint8Array, brought?: number): number[] {
  const pieces: number[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = records.pieceEnd(bytes, at);
    pieces.push(end - at);
    at = end;
    if (brought !== undefined) records.brought(brought);
  }
  return pieces;
}

function shaken(): Records {
  const records = new Records(true);
  records.shook();
  return records;
}

Deno.test("records that bring nothing are few at once, and more than 64 of them are the end", () => {
  const bytes = recordsOf(...new Array(65).fill(22));
  const whole = shaken();
  const record = bytes.length / 65;
  assertEquals(piecesOf(whole, bytes.subarray(0, -record), 0), [32 * record, 32 * record]);
  assertEquals(whole.pieceEnd(bytes, bytes.length - record), bytes.length);
  const error = assertThrows(() => whole.brought(0), LwsError, "more than 64 TLS records");
  assertEquals(error.code, "connection-closed");
  // However they come.
  const pieces = shaken();
  for (let at = 0; at < bytes.length; at++) {
    assertEquals(pieces.pieceEnd(bytes.subarray(at, at + 1), 0), 1);
    if (at < bytes.length - 1) pieces.brought(0);
  }
  assertThrows(() => pieces.brought(0), LwsError, "more than 64");
});

Deno.test("a record with data in it makes up for one that has none, and none is saved", () => {
  const bytes = recordsOf(1);
  const records = shaken();
  const take = (brought: number) => {
    records.pieceEnd(bytes, 0);
    records.brought(brought);
  };
  for (let i = 0; i < 1000; i++) take(i % 2);
  for (let i = 0; i < 100; i++) take(1);
  for (let i = 0; i < 64; i++) take(0);
  assertThrows(() => take(0), LwsError);
});

Deno.test("of records that all have data more and more are taken at once, until one has none", () => {
  const records = shaken();
  const bytes = recordsOf(...new Array(2000).fill(1));
  const took = (end: number, from: number) => (end - from) / 6;
  let at = 0;
  for (const count of [32, 64, 128, 256, 512, 512]) {
    const end = records.pieceEnd(bytes, at);
    assertEquals(took(end, at), count);
    records.brought(count);
    at = end;
  }
  records.pieceEnd(bytes, 0);
  records.brought(511);
  assertEquals(took(records.pieceEnd(bytes, 0), 0), 32);
});

Deno.test("large records are taken by their bytes, and an empty one counts", () => {
  const bytes = recordsOf(...new Array(17).fill(16_384));
  assertEquals(piecesOf(shaken(), bytes, 16), [LARGEST_FEED, bytes.length - LARGEST_FEED]);
  const empty = shaken();
  assertEquals(piecesOf(empty, recordsOf(...new Array(64).fill(0)), 0), [32 * 5, 32 * 5]);
  empty.pieceEnd(recordsOf(0), 0);
  assertThrows(() => empty.brought(0), LwsError);
});

Deno.test("a handshake has its most records and bytes, and what follows it is not counted", () => {
  const record = recordsOf(1);
  const most = new Records(true);
  for (let i = 0; i < MOST_HANDSHAKE_RECORDS; i++) assertEquals(most.pieceEnd(record, 0), 6);
  const error = assertThrows(() => most.pieceEnd(record, 0), LwsError, "128 records");
  assertEquals(error.code, "tls-handshake-failed");
  most.shook();
  most.brought(0);
  assertEquals(most.pieceEnd(record, 0), 6);

  const long = recordsOf(...new Array(11).fill(16_384));
  const hello = 32 * 1024;
  const unanswered = new Records(true);
  assertEquals(unanswered.pieceEnd(long, 0), hello);
  assertThrows(() => unanswered.pieceEnd(long, hello), LwsError, "32768 bytes");
  // A client's first answer may be long at once.
  const answered = new Records(true);
  assertEquals(answered.pieceEnd(long, 0), hello);
  answered.answered();
  for (const records of [answered, new Records(false)]) {
    let at = records === answered ? hello : 0;
    while (at < 160 * 1024) at = records.pieceEnd(long, at);
    assertEquals(at, 160 * 1024);
    assertThrows(() => records.pieceEnd(long, at), LwsError, "163840 bytes");
  }
});

for (const first of [0x80, 0xFF]) {
  Deno.test(`a connection that begins with ${first} speaks no TLS, as SSL 2.0 isn't`, () => {
    assertThrows(() => new Records(true).pieceEnd(Uint8Array.of(first), 0), LwsError, "no record");
    // Later it is no begin.
    const records = new Records(true);
    assertEquals(records.pieceEnd(Uint8Array.of(0x16), 0), 1);
    assertEquals(records.pieceEnd(Uint8Array.of(first), 0), 1);
  });
}

/** Both ends of a connection, of which those that are not given yet are in memory. */
async function connected(): Promise<[client: Recorder, server: Recorder, () => void]> {
  const server = stack.server({ identity: localhost }, {});
  const side = stack.client({ ca: [ca.cert], disableOsCaCerts: true }, {});
  const [near, far] = memoryPair();
  const shaking = side.secure(near, { serverName: "localhost" });
  const [ownEnd, peerEnd] = await Promise.all([shaking.done, server.secure(far).done]);
  const close = () => (side.close!(), server.close!());
  return [new Recorder(ownEnd), new Recorder(peerEnd), close];
}

/** Puts changes of keys in front of what `from` sends next. */
function changeKeys(from: Recorder, count: number): void {
  (from.transport as OpensslTransport).lendTrial(({ ssl }) => {
    const pointer = ssl as Deno.PointerObject;
    for (let i = 0; i < count; i++) {
      assertEquals(symbols.SSL_key_update(pointer, 0), 1);
      assertEquals(symbols.SSL_do_handshake(pointer), 1);
    }
  });
}

for (const hostile of ["client", "server"] as const) {
  Deno.test(`64 changes of keys by a ${hostile} more than there is data are taken, and one more ends it`, async () => {
    const [client, server, close] = await connected();
    const [peer, own] = hostile === "client" ? [client, server] : [server, client];
    for (let i = 0; i < 2; i++) {
      // What a server sends of itself, or what came before, is made up for.
      for (let k = 0; k < 65; k++) await peer.write("+");
      changeKeys(peer, 65);
      await peer.write("all");
      await own.until(() => own.text.endsWith("all") || own.count("close") > 0);
      assertEquals(own.count("close"), 0);
      own.taken.length = 0;
    }
    for (let k = 0; k < 65; k++) await peer.write("+");
    await own.until(() => own.takenLength === 3 * 65 + 6);
    const { takenLength } = own;
    changeKeys(peer, 66);
    peer.send(new TextEncoder().encode("more"));
    await own.until(() => own.count("close") === 1);
    assert(own.closeError instanceof LwsError);
    assertEquals([own.closeError.code, own.takenLength], ["connection-closed", takenLength]);
    await peer.until(() => peer.count("end") + peer.count("close") > 0);
    peer.transport.close();
    await peer.until(() => peer.count("close") === 1);
    close();
  });
}

/** The message of a hello, in so many records: all but the last have a byte each. */
function inRecords(hello: Uint8Array, count: number): Uint8Array {
  const message = hello.subarray(5);
  return Uint8Array.from({ length: count }, (_, i) => i).reduce((all, at) => {
    const piece = message.subarray(at, at === count - 1 ? message.length : at + 1);
    const head = [0x16, 3, 1, piece.length >> 8, piece.length & 0xFF];
    return Uint8Array.from([...all, ...head, ...piece]);
  }, new Uint8Array(0));
}

for (const hasNames of [false, true]) {
  for (const count of [MOST_HANDSHAKE_RECORDS - 2, MOST_HANDSHAKE_RECORDS + 1]) {
    const isTaken = count < MOST_HANDSHAKE_RECORDS;
    Deno.test(
      `a hello in ${count} records is ${isTaken ? "taken" : "refused"}, host names ${
        hasNames ? "or none" : "or not"
      }`,
      async () => {
        const server = stack.server(
          { identity: localhost, ...hasNames && { identities: [localhost] } },
          {},
        );
        const side = stack.client({ ca: [ca.cert], disableOsCaCerts: true }, {});
        const [near, far] = memoryPair();
        const write = near.write.bind(near);
        let isFirst = true;
        near.write = (bytes) => {
          const sent = isFirst ? inRecords(bytes, count) : bytes;
          isFirst = false;
          return write(sent);
        };
        const verdict = (done: PromiseLike<unknown>) =>
          done.then((made) => made as OpensslTransport, (error) => error as LwsError);
        const made = await Promise.all([
          verdict(server.secure(far).done),
          verdict(side.secure(near, { serverName: "localhost" }).done),
        ]);
        for (const end of made) {
          assertEquals(end instanceof LwsError, !isTaken);
          if (end instanceof LwsError) assertEquals(end.code, "tls-handshake-failed");
          else end.close();
        }
        if (!isTaken) assert((made[0] as LwsError).message.includes("128 records"));
        near.close();
        side.close!();
        server.close!();
      },
    );
  }
}

Deno.test("a client shows more certificates than a hello may be long, once it is answered", async () => {
  const cert = identity.cert + ca.cert.repeat(Math.ceil(33 * 1024 / derLength(ca.cert)));
  const server = stack.server(
    { identity: localhost, ca: [ca.cert], clientCertificate: "require" },
    {},
  );
  const client = stack.client(
    { ca: [ca.cert], disableOsCaCerts: true, identity: { ...identity, cert } },
    {},
  );
  const [near, far] = memoryPair();
  const ends = await Promise.all([
    client.secure(near, { serverName: "localhost" }).done,
    server.secure(far).done,
  ]);
  assertEquals(ends[1].info.peerCertificate?.subject, "CN=client");
  for (const each of ends) each.close();
});

/** Of a certificate's PEM, in bytes. */
function derLength(pem: string): number {
  return pem.split("\n").slice(1, -2).join("").length * 3 / 4;
}
