import { assertEquals } from "@std/assert";
import { duplexPair } from "node:stream";
import { connect } from "node:tls";
import { MOST_HANDSHAKE_RECORDS, serverNameIn } from "../../../src/tls/client_hello.ts";

/** What the runtime's own client says first. */
async function hello(options: { servername?: string; host?: string }): Promise<Uint8Array> {
  const [near, far] = duplexPair();
  const socket = connect({ socket: near, ...options });
  socket.on("error", () => {});
  const bytes = await new Promise<Uint8Array>((resolve) => far.once("data", resolve));
  socket.destroy();
  far.destroy();
  await new Promise((resolve) => socket.once("close", resolve));
  return new Uint8Array(bytes);
}

/** The same message, in so many records: all but the last have a byte each. */
function inRecords(bytes: Uint8Array, count: number): Uint8Array {
  const message = bytes.subarray(5);
  const records: number[] = [];
  for (let at = 0; at < count; at++) {
    const piece = message.subarray(at, at === count - 1 ? message.length : at + 1);
    records.push(0x16, 3, 1, piece.length >> 8, piece.length & 0xFF, ...piece);
  }
  return Uint8Array.from(records);
}

const named = await hello({ servername: "WWW.Example.test" });

Deno.test("the server name is found once the whole message is there, and not before", () => {
  for (let length = 0; length < named.length; length++) {
    assertEquals(serverNameIn(named.subarray(0, length)), undefined, `${length} bytes`);
  }
  assertEquals(serverNameIn(named), "www.example.test");
});

Deno.test("the server name is found in a message that lies in several records", () => {
  for (const count of [MOST_HANDSHAKE_RECORDS, 30, 3]) {
    const records = inRecords(named, count);
    assertEquals(serverNameIn(records), "www.example.test");
    assertEquals(serverNameIn(records.subarray(0, -1)), undefined);
  }
});

Deno.test("a message that lies in more records than any is looked at no further", () => {
  const records = inRecords(named, MOST_HANDSHAKE_RECORDS + 1);
  assertEquals(serverNameIn(records), "");
});

Deno.test("a client that names no host has no server name", async () => {
  assertEquals(serverNameIn(await hello({ host: "127.0.0.1" })), "");
});

Deno.test("what doesn't begin as TLS does has no server name", () => {
  const others = ["47", "15030300020250", "160301000402000000", "1603010000", "1603010004010fffff"];
  for (const other of others) assertEquals(serverNameIn(Uint8Array.fromHex(other)), "", other);
});

Deno.test("a message of damaged lengths is read without harm", () => {
  for (let at = 9; at < named.length; at++) {
    for (const value of [0, 0xFF]) {
      const damaged = named.slice();
      damaged[at] = value;
      assertEquals(typeof serverNameIn(damaged), "string");
    }
  }
});

Deno.test("a message that claims to be longer than any isn't waited for", () => {
  const longest = Uint8Array.from([0x16, 3, 1, 0x40, 0, 1, 0, 0x3F, 0xFC]);
  assertEquals(serverNameIn(longest), undefined);
  longest[8] = 0xFD;
  assertEquals(serverNameIn(longest), "");
});
