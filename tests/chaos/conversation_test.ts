/** What a conversation finds wrong: each fault by a server that makes it. */

import { assert, assertEquals } from "@std/assert";
import { Conversation, type Outcome, type Socket } from "./conversation.ts";

type Server = (
  echo: Uint8Array,
  number: number,
  conversation: Conversation,
  isText: boolean,
) => void;

/** Has a conversation with a server that gets whole messages; it ends cleanly once the client closes. */
function converse(name: string, server: Server): Promise<Outcome> {
  const conversation = new Conversation(name);
  let number = 0;
  const socket: Socket = {
    hasFrames: false,
    send(bytes, kind) {
      queueMicrotask(() => server(bytes, number++, conversation, kind === "text"));
    },
    ping() {},
    close: () => queueMicrotask(() => conversation.ended({ code: 1000, wasClean: true })),
  };
  conversation.opened(socket);
  return conversation.done;
}

const echo: Server = (bytes, _number, conversation, isText) => conversation.received(isText, bytes);

Deno.test("a conversation with a server that echoes is whole, and has no faults", async () => {
  for (const name of ["a", "b", "c", "d"]) {
    const { isWhole, faults, wasEstablished } = await converse(name, echo);
    assertEquals({ isWhole, faults, wasEstablished }, {
      isWhole: true,
      faults: [],
      wasEstablished: true,
    });
  }
});

Deno.test("echoes that come twice, changed, or of another kind are faults", async () => {
  const servers: Record<string, Server> = {
    twice(bytes, number, conversation, isText) {
      for (let i = number === 0 ? 2 : 1; i > 0; i--) conversation.received(isText, bytes);
    },
    changed(bytes, _number, conversation, isText) {
      const other = bytes.slice();
      other[0]! ^= 1;
      conversation.received(isText, other);
    },
    kind: (bytes, _number, conversation, isText) => conversation.received(!isText, bytes),
  };
  for (const [name, server] of Object.entries(servers)) {
    assert((await converse("a", server)).faults.length > 0, name);
  }
});

Deno.test("pongs that come out of order or of no ping are faults, one that is left out is none", () => {
  const payload = (number: number) => {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, number);
    return bytes;
  };
  const faultsOf = async (...numbers: number[]) => {
    const conversation = new Conversation("many pings");
    let pings = 0;
    const socket: Socket = { hasFrames: true, send() {}, ping: () => void pings++, close() {} };
    conversation.opened(socket);
    for (const number of numbers) conversation.ponged(payload(number));
    conversation.ended({ code: 1006, wasClean: false });
    assert(pings >= 2);
    return (await conversation.done).faults.length;
  };
  return Promise.all([faultsOf(0, 1), faultsOf(1), faultsOf(1, 0), faultsOf(0, 0), faultsOf(999)])
    .then((counts) => assertEquals(counts, [0, 0, 1, 1, 1]));
});
