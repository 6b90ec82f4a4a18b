/** Whatever a program does with its requests, each answer on the wire is whole, and that of its request. */

import { assert, assertEquals } from "@std/assert";
import type { CallbackResult, Protocol, Wsi } from "../../mod.ts";
import { captureLog } from "../support/recorder.ts";
import { serve } from "../support/serve.ts";
import { checkAsync, chopIn, fc, readSizes, until } from "./support.ts";

const decoder = new TextDecoder("latin1");

async function* pieces(id: string, fails: boolean) {
  for (let i = 0; i < 3; i++) yield await Promise.resolve(`${id}${i}`);
  if (fails) throw new Error("on purpose");
}

type Act = (wsi: Wsi, fields: [string, string][], id: string) => unknown;

/** What a program may do at any time, in any order, and as often as it likes. */
const ACTS: readonly Act[] = [
  (wsi, fields, id) => wsi.respond(200, id, fields),
  (wsi, fields) => wsi.respond(204, null, fields),
  (wsi, fields, id) => wsi.respond(200, pieces(id, false), fields),
  (wsi, fields, id) => wsi.respond(200, pieces(id, true), fields),
  (wsi, fields, id) => wsi.respond(200, pieces(id, false), [...fields, ["content-length", "9"]]),
  (wsi, fields, id) => wsi.respond(200, id, [...fields, ["connection", "close"]]),
  (wsi, fields, id) => wsi.returnHttpStatus(404, id, fields),
  (wsi, fields) => wsi.returnHttpStatus(304, undefined, fields),
  (wsi, fields) => wsi.writeHttpHeaders(200, fields),
  (wsi, fields) => wsi.writeHttpHeaders(200, [...fields, ["content-length", "4"]]),
  (wsi, fields, id) => wsi.writeHttpHeaders(200, fields) === 0 && wsi.write(id, "http"),
  (wsi, fields, id) => wsi.writeHttpHeaders(200, fields) === 0 && wsi.write(id, "httpFinal"),
  (wsi) => wsi.writeEarlyHints([["link", "</a>"]]),
  (wsi) => wsi.callbackOnWritable(),
  (wsi) => wsi.httpTransactionCompleted(),
  (wsi) => wsi.close(),
  () => {
    throw new Error("on purpose");
  },
];

const acts = fc.array(fc.constantFrom(...ACTS), { maxLength: 2 });
const plan = fc.record({
  method: fc.constantFrom("GET", "HEAD", "POST"),
  minorVersion: fc.constantFrom(0, 1, 1, 1),
  framing: fc.constantFrom("none", "length", "chunked"),
  filter: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, acts),
  http: acts,
  later: acts,
  body: acts,
  thinks: fc.boolean(),
  result: fc.constantFrom(0, 0, 0, 0, 1, -1),
});
type Plan = typeof plan extends fc.Arbitrary<infer Value> ? Value : never;

/** A request whose body would pass for one. */
function requestOf({ method, minorVersion, framing }: Plan, id: string): string {
  const body = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
  const head = `${method} /${id} HTTP/1.${minorVersion}\r\nHost: a\r\n` +
    (minorVersion === 0 ? "Connection: keep-alive\r\n" : "");
  if (framing === "length") return `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
  if (framing === "none" || minorVersion === 0) return `${head}\r\n`;
  const size = body.length.toString(16);
  return `${head}Transfer-Encoding: chunked\r\n\r\n${size}\r\n${body}\r\n0\r\n\r\n`;
}

/** Does what is planned, and answers in the end what is not answered. */
function programOf(plans: readonly Plan[], paths: string[]): Protocol {
  let current = -1;
  const act = (wsi: Wsi, all: readonly Act[]) => {
    const id = `id${current}`;
    for (const each of all) each(wsi, [["x-id", id]], id);
  };
  const late = (wsi: Wsi, { later }: Plan, index: number) => {
    const steps = [...later.map((each) => [each]), [ACTS[0]!], [ACTS[14]!]];
    const step = () => {
      if (current !== index || steps.length === 0) return;
      setImmediate(step);
      try {
        act(wsi, steps.shift()!);
      } catch {
        // It was no time for that, or a throw on purpose.
      }
    };
    setImmediate(step);
  };
  return {
    name: "http",
    callback(...[wsi, reason, , data]): CallbackResult {
      if (reason === "filterHttpConnection") {
        current = paths.push(data as string) - 1;
        return act(wsi, plans[current]!.filter) as undefined;
      }
      if (reason === "closedHttp") current = -1;
      const planned = plans[current];
      if (planned === undefined) return;
      if (reason === "http") late(wsi, planned, current);
      const all = reason === "http" ? planned.http : reason === "httpBody" ? planned.body : [];
      const work = () => {
        act(wsi, all);
        return reason === "http" ? planned.result : 0;
      };
      return planned.thinks ? Promise.resolve().then(work) : work();
    },
  };
}

interface Answer {
  readonly head: string;
  /** Behind it nothing may follow. */
  readonly isLast: boolean;
}

/** Reads one answer to `method` at `start`; where it ends, or undefined when it is cut. */
function readAnswer(text: string, start: number, method: string): [Answer, number] | undefined {
  const end = text.indexOf("\r\n\r\n", start);
  if (end < 0) return undefined;
  const head = text.slice(start, end + 2);
  const line = /^HTTP\/1\.1 (\d{3}) [ -~]*\r\n(?:[\w-]+: ?[ -~]*\r\n)*$/.exec(head);
  assert(line !== null, `no answer begins with ${JSON.stringify(text.slice(start, start + 80))}`);
  if (line[1]! < "200") return readAnswer(text, end + 4, method);
  const isLast = /^connection:.*\bclose\b/im.test(head);
  const length = /^content-length: (\d+)\r$/im.exec(head)?.[1];
  const isChunked = /^transfer-encoding: chunked\r$/im.test(head);
  let at = end + 4;
  if (method === "HEAD" || line[1] === "204" || line[1] === "304") return [{ head, isLast }, at];
  if (isChunked) {
    for (let size = -1; size !== 0;) {
      const chunk = /^([\da-f]+)\r\n/.exec(text.slice(at));
      if (chunk === null) return undefined;
      size = parseInt(chunk[1]!, 16);
      at += chunk[0].length + size + 2;
      if (at > text.length) return undefined;
      assertEquals(text.slice(at - 2, at), "\r\n");
    }
  } else if (length !== undefined) at += Number(length);
  else {
    assert(isLast, `only the end of the connection ends ${head}`);
    at = text.length;
  }
  return at > text.length ? undefined : [{ head, isLast }, at];
}

Deno.test("each answer is that of its request, whatever programs do, or the connection ends", async () => {
  using _log = captureLog();
  const plans = fc.array(plan, { minLength: 1, maxLength: 5 });
  const given = fc.tuple(plans, readSizes, fc.boolean());
  await checkAsync({ seed: 71, numRuns: 1500 }, given, async ([all, sizes, ends]) => {
    const paths: string[] = [];
    await using served = serve([programOf(all, paths)], { maxDrainBytes: ends ? 10 : 10_000 });
    const peer = await served.dial();
    chopIn(peer.transport.peer, sizes);
    peer.send(all.map((each, index) => requestOf(each, `id${index}`)).join(""));
    if (ends) peer.end();
    let isGone = false;
    void peer.closed.then(() => isGone = true);
    let count = 0;
    const read = () => {
      const text = decoder.decode(peer.received);
      for (let at = count = 0; at < text.length;) {
        assert(count < all.length, `an answer too many: ${text.slice(at)}`);
        const found = readAnswer(text, at, all[count]!.method);
        if (found === undefined) return false;
        const [{ head, isLast }, end] = found;
        const id = /^x-id: id(\d)\r$/im.exec(head)?.[1];
        // Without an id it is a page of the library's, which is the last answer.
        assertEquals(id ?? String(count), String(count), head);
        assert(id !== undefined || isLast, head);
        assert(!isLast || end === text.length, `what follows ${head}: ${text.slice(end)}`);
        at = end;
        count++;
      }
      return count === all.length;
    };
    await until("an answer or the end", () => read() || peer.ended || isGone);
    assertEquals(paths, all.slice(0, paths.length).map((_, index) => `/id${index}`));
  });
});
