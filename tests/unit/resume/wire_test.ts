/** What a server says, letter by letter: clients in other languages are written by it. */

import { assertEquals } from "@std/assert";
import { answerOf, gapOf, publicationOf, refusalOf } from "../../../src/resume/wire.ts";

const start = { epoch: "k3v9", offset: 1042 };
const publication = {
  ...start,
  topic: "room.1",
  data: new TextEncoder().encode('\ufeffa "line"\n'),
  isBinary: false,
  hasPlace: true,
};

Deno.test("answers, refusals and gaps are JSON, with a time to wait where many may have missed the same", () => {
  assertEquals(
    answerOf(7, { ...start, recovered: true }, 9),
    '{"s":7,"e":"k3v9","o":1042,"r":true}',
  );
  assertEquals(
    answerOf(7, { ...start, recovered: false }, 9),
    '{"s":7,"e":"k3v9","o":1042,"r":false,"w":9}',
  );
  assertEquals(refusalOf(7, "forbidden"), '{"s":7,"x":"forbidden"}');
  const gap = { topic: "room.1", position: start } as const;
  for (const [cause, more] of [["epoch", ',"w":9'], ["trimmed", ',"w":9'], ["overflow", ""]]) {
    assertEquals(
      gapOf({ ...gap, cause: cause as "epoch" }, 9),
      `{"t":"room.1","e":"k3v9","o":1042,"g":"${cause}"${more}}`,
    );
  }
});

Deno.test("a text is a JSON string beside its position, if it has one", () => {
  assertEquals(
    publicationOf(publication),
    '{"t":"room.1","e":"k3v9","o":1042,"d":"\ufeffa \\"line\\"\\n"}',
  );
  assertEquals(
    publicationOf({ ...publication, hasPlace: false }),
    '{"t":"room.1","d":"\ufeffa \\"line\\"\\n"}',
  );
});

Deno.test("of what tells of a member the position alone is sent, as it has to move", () => {
  const join = { ...publication, presence: "join" } as const;
  assertEquals(publicationOf(join), '{"t":"room.1","e":"k3v9","o":1042}');
  assertEquals(publicationOf({ ...join, hasPlace: false }), undefined);
});

Deno.test("bytes follow 1, the topic, the epoch and the offset; without a place an empty epoch and 0", () => {
  const data = new Uint8Array([0, 255]);
  const bytes = { ...publication, topic: "ä", data, isBinary: true };
  assertEquals(
    publicationOf({ ...bytes, epoch: "k3", offset: 300 }),
    new Uint8Array([
      ...[1, 2, 0xc3, 0xa4, 2, 0x6b, 0x33, 0xac, 2, 0, 255],
    ]),
  );
  assertEquals(
    publicationOf({ ...bytes, hasPlace: false }),
    new Uint8Array([
      ...[1, 2, 0xc3, 0xa4, 0, 0, 0, 255],
    ]),
  );
  const long = publicationOf({ ...bytes, topic: "t".repeat(128), epoch: "", offset: 127 });
  assertEquals([...long!.slice(0, 4) as Uint8Array], [1, 128, 1, 116]);
});
