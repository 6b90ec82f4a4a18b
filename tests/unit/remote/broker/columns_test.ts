/** Publications as they cross a port. */

import { assert, assertEquals } from "@std/assert";
import type { BrokerPublication } from "../../../../src/api/topics/broker.ts";
import {
  type Columns,
  fromColumns,
  isColumns,
  type OfTopic,
  toColumns,
  transfersOf,
} from "../../../../src/remote/broker/columns.ts";

const own = (length: number, value = 7) => new Uint8Array(length).fill(value);

function read(columns: Columns): OfTopic[] {
  const all: OfTopic[] = [];
  fromColumns(columns, (topic, publication) => all.push({ topic, publication }));
  return all;
}

const PLAIN: BrokerPublication = { epoch: "e", offset: 3, data: own(3), isBinary: false };
const ALL: readonly OfTopic[] = [
  { topic: "a", publication: PLAIN },
  { topic: "b", publication: { ...PLAIN, isBinary: true, previous: 0, sender: "a" } },
  { topic: "a", publication: { ...PLAIN, offset: 2 ** 53 - 1, data: own(0), presence: "join" } },
  { topic: "", publication: { ...PLAIN, epoch: "", offset: 0, presence: "leave" } },
  { topic: "b", publication: { ...PLAIN, data: new Uint8Array([0, 255]), sender: "" } },
];

Deno.test("publications come out as they went in, also through a clone", () => {
  assertEquals(read(toColumns(ALL)), ALL);
  assertEquals(read(structuredClone(toColumns(ALL))), ALL);
  assertEquals(read(toColumns([])), []);
});

Deno.test("of a view its own bytes are taken along, and no more of its buffer", () => {
  const data = own(1_000_000).subarray(10, 14);
  const columns = toColumns([{ topic: "a", publication: { ...PLAIN, data } }]);
  assertEquals(columns.data.buffer.byteLength, 4);
});

Deno.test("what can't be read is not taken for columns", () => {
  const good = toColumns(ALL);
  assert(isColumns(good));
  const row = (at: number, value: number): Columns => {
    const rows = good.rows.slice();
    rows[7 + at] = value;
    return { ...good, rows };
  };
  const bad: unknown[] = [
    undefined,
    null,
    7,
    {},
    { ...good, strings: "ab" },
    { ...good, strings: [...good.strings.slice(1), 7] },
    { ...good, strings: good.strings.slice(1) },
    { ...good, rows: [...good.rows] },
    { ...good, rows: good.rows.slice(1) },
    { ...good, data: [...good.data] },
    { ...good, data: good.data.subarray(1) },
    { ...good, rows: good.rows.slice(7) },
    row(0, -1),
    row(0, 0.5),
    row(1, 99),
    row(2, NaN),
    row(3, 0.5),
    row(5, -1),
    row(5, 1e9),
    row(6, -2),
    row(6, 99),
  ];
  for (const [i, each] of bad.entries()) assertEquals(isColumns(each), false, `bad[${i}]`);
});

Deno.test("buffers are handed over from 16 KiB on", () => {
  const [small, large] = [own(16 * 1024 - 1), own(16 * 1024)];
  assertEquals(transfersOf([small, large]), [large.buffer]);
});
