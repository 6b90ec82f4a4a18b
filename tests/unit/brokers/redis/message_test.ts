import { assertEquals } from "@std/assert";
import { decodeKept, decodeMessage, encodeContent } from "../../../../src/brokers/redis/message.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function message(line: string, data: Uint8Array | string = ""): Uint8Array {
  const body = typeof data === "string" ? encoder.encode(data) : data;
  return new Uint8Array([...encoder.encode(line), ...body]);
}

Deno.test("a publication comes as it was encoded, with any bytes and any sender", () => {
  const data = new Uint8Array([0, 10, 32, 255]);
  for (const sender of [undefined, "", "a.1", "a b\n-%", "é"]) {
    for (const isBinary of [true, false]) {
      const content = { data, isBinary, ...(sender !== undefined && { sender }) };
      const body = encodeContent(content);
      assertEquals(decodeMessage(body), { epoch: "", offset: 0, ...content });
      assertEquals(decodeMessage(message("12 e1 ", body)), {
        epoch: "e1",
        offset: 12,
        previous: 11,
        ...content,
      });
      assertEquals(decodeKept(body, { epoch: "e1", offset: 12, previous: 0 }), {
        epoch: "e1",
        offset: 12,
        previous: 0,
        ...content,
      });
    }
  }
});

Deno.test("an empty payload is one", () => {
  const body = encodeContent({ data: new Uint8Array(), isBinary: false });
  assertEquals(decoder.decode(body), "t\n");
  assertEquals(decodeMessage(body)?.data, new Uint8Array());
});

Deno.test("the first of a count has nothing before it", () => {
  assertEquals(decodeMessage(message("=1700 e1 t\n", "x"))?.previous, 0);
});

Deno.test("a join and a leave say so", () => {
  for (const presence of ["join", "leave"] as const) {
    const body = encodeContent({ data: encoder.encode("{}"), isBinary: false, presence });
    assertEquals(decodeMessage(body)?.presence, presence);
    assertEquals(decodeKept(body, { epoch: "e", offset: 1 })?.isBinary, false);
  }
});

Deno.test("what comes has bytes of its own", () => {
  const body = encodeContent({ data: encoder.encode("abc"), isBinary: false });
  const { data } = decodeMessage(body)!;
  body.fill(0);
  assertEquals(decoder.decode(data), "abc");
  assertEquals(data.buffer.byteLength, 3);
});

Deno.test("what others publish to such a channel is no publication", () => {
  for (
    const line of [
      "",
      "\n",
      "no line",
      "12 e1\n",
      "x y z\n",
      "12x e1 t\n",
      "99999999999999999 e t\n",
      "=-1 e t\n",
      "0 e t\n",
      "= e t\n",
    ]
  ) {
    assertEquals(decodeMessage(message(line)), undefined, line);
  }
});

Deno.test("what is encoded stays as it is, whatever is encoded after it", () => {
  const sizes = [0, 1, 125, 4_000, 4_093, 4_094, 4_095, 100, 8_192, 65_536, 3_000, 1_000, 96];
  const all = [...sizes, ...sizes].map((size, i) => {
    const data = new Uint8Array(size).fill(i + 1);
    return { data, body: encodeContent({ data, isBinary: true }) };
  });
  for (const { data, body } of all) {
    assertEquals(decodeMessage(body)?.data, data);
    assertEquals(body.length, data.length + 2);
  }
});
