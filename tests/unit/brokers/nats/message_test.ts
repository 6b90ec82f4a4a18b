import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import type { Msg } from "npm:@nats-io/nats-core@^3.4";
import { delivered, headersOf } from "../../../../src/brokers/nats/streams/jetstream.ts";
import {
  decodeKept,
  decodeLive,
  encodeFacts,
  messageId,
} from "../../../../src/brokers/nats/message.ts";

const encoder = new TextEncoder();

/** As the server passes them on. */
function live(headers: ReturnType<typeof encodeFacts>): Msg {
  return { headers } as Msg;
}

Deno.test("a text without more has no headers; all else comes back as it was", () => {
  assertEquals(encodeFacts({ isBinary: false }), undefined);
  assertEquals(decodeKept(undefined), { isBinary: false });
  for (
    const facts of [
      { isBinary: true },
      { isBinary: false, sender: "a.1" },
      { isBinary: true, sender: "é\r\nX: y %", presence: "join" as const },
      { isBinary: false, presence: "leave" as const },
    ]
  ) assertEquals(decodeKept(encodeFacts(facts)), facts);
});

Deno.test("a message that was kept says where it stands", () => {
  const headers = encodeFacts({ isBinary: true })!;
  headers.append("Nats-Stream", "lws_0");
  headers.append("Nats-Sequence", "12");
  headers.append("Nats-Last-Sequence", "7");
  const place = { stream: "lws_0", sequence: 12, last: 7 };
  assertEquals(decodeLive(live(headers)), { isBinary: true, ...place });
  const none = { stream: undefined, sequence: 0, last: 0 };
  assertEquals(decodeLive(live(undefined)), { isBinary: false, ...none });
  assertEquals(decodeLive(live(encodeFacts({ isBinary: true }))), { isBinary: true, ...none });
});

Deno.test("what others publish there is taken as far as it goes", () => {
  const headers = headersOf(
    encoder.encode("NATS/1.0\r\nLws-Sender: %zz\r\nLws-Presence: gone\r\n\r\n"),
  );
  assertEquals(decodeKept(headers), { isBinary: false, sender: "%zz" });
  // A place that is none would be where the topic stands for good.
  for (
    const [sequence, last] of [["x", "0"], ["1e999", "0"], ["1.5", "1"], ["0", "0"], ["9", "-1"]]
  ) {
    const block = `Nats-Stream: lws_0\r\nNats-Sequence: ${sequence}\r\nNats-Last-Sequence: ${last}`;
    const { stream } = decodeLive(live(headersOf(encoder.encode(`NATS/1.0\r\n${block}\r\n\r\n`))));
    assertEquals(stream, undefined, `${sequence} behind ${last}`);
  }
});

Deno.test("an id is one of its topic", () => {
  assertNotEquals(messageId("a", "b c"), messageId("a b", "c"));
  assertNotEquals(messageId("a", "b"), messageId("b", "b"));
  assertEquals(/[\r\n]/.test(messageId("a", "b\r\nX: c")), false);
});

Deno.test("a delivery says its sequence, its place and what is left, in both forms", () => {
  const at = (reply: string) => delivered({ reply });
  const said = { sequence: 20, place: 3, pending: 2 };
  assertEquals(at("$JS.ACK.lws_0.h.1.20.3.1795780997531025580.2"), said);
  assertEquals(at("$JS.ACK.hub.acc.lws_0.h.1.20.3.179578.2.x1"), said);
  for (const reply of ["", "_INBOX.1", "$JS.ACK.lws_0.h.1.x.3.1.2"]) assertThrows(() => at(reply));
});
