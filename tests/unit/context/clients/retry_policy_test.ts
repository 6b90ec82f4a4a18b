/** When a client connects again, and after how long. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { RetryOptions } from "../../../../mod.ts";
import { LwsError } from "../../../../mod.ts";
import type { ClientEnd } from "../../../../src/connection/client/watch.ts";
import { checkRetry, delayBefore, mayRetry } from "../../../../src/context/clients/retry_policy.ts";
import { HeaderFields } from "../../../../src/core/http/fields.ts";

const DEFAULTS = checkRetry(true)!;

const FAILURE: ClientEnd = {
  text: "",
  answer: undefined,
  body: "",
  wasAnswered: false,
  error: undefined,
  isOwn: false,
};

function refusal(status: number, retryAfter?: string): ClientEnd {
  const fields = new HeaderFields();
  if (retryAfter !== undefined) fields.add("retry-after", retryAfter);
  return { ...FAILURE, answer: { status, reason: "", minorVersion: 1, fields } };
}

const LOST: ClientEnd = { code: 1006, reason: "", wasClean: false, cause: "reset" };

const closed = (code: number, cause: "peer" | "self" | "callback" | "destroy" | "timeout") => ({
  code,
  reason: "",
  wasClean: true,
  cause,
});

Deno.test("the defaults are those of the docs, and what is left out is theirs", () => {
  const delaysMs = [500, 1000, 2000, 5000, 15_000, 30_000];
  const expected = { delaysMs, jitter: 0.3, attempts: Infinity, resetMs: 30_000 };
  assertEquals(DEFAULTS, expected);
  assertEquals(checkRetry({}), expected);
  const undefineds = { delaysMs: undefined } as unknown as RetryOptions;
  assertEquals(checkRetry({ ...undefineds, attempts: 3 }), { ...expected, attempts: 3 });
  assertEquals([checkRetry(), checkRetry(false)], [undefined, undefined]);
});

Deno.test("options are taken at their limits, and one past them refused by name", () => {
  const good: RetryOptions[] = [
    { delaysMs: [0] },
    { delaysMs: [2 ** 31 - 1, 0.5] },
    { jitter: 0 },
    { jitter: 1 },
    { attempts: 1 },
    { attempts: Infinity },
    { resetMs: 0 },
    { resetMs: Infinity },
  ];
  for (const each of good) assertEquals(checkRetry(each), { ...DEFAULTS, ...each });
  const wrong: [unknown, string][] = [
    [null, "retry is null; allowed: true, false or an object"],
    [5, "retry is 5"],
    [{ delays: [1] }, "retry.delays is […]; allowed: only delaysMs, jitter, attempts, resetMs"],
    [{ attempt: 3 }, "; did you mean attempts?"],
    [{ delaysMs: [] }, "retry.delaysMs is […]"],
    [{ delaysMs: 5 }, "retry.delaysMs is 5"],
    [{ delaysMs: [1, -1] }, "retry.delaysMs is -1"],
    [{ delaysMs: [2 ** 31] }, "retry.delaysMs is 2147483648"],
    [{ delaysMs: ["1"] }, 'retry.delaysMs is "1"'],
    [{ delaysMs: [NaN] }, "retry.delaysMs is NaN"],
    [{ jitter: -0.1 }, "retry.jitter is -0.1"],
    [{ jitter: 1.1 }, "retry.jitter is 1.1"],
    [{ jitter: NaN }, "retry.jitter is NaN"],
    [{ attempts: 0 }, "retry.attempts is 0"],
    [{ attempts: 1.5 }, "retry.attempts is 1.5"],
    [{ resetMs: -1 }, "retry.resetMs is -1"],
    [{ resetMs: "1" }, 'retry.resetMs is "1"'],
  ];
  for (const [each, message] of wrong) {
    const error = assertThrows(() => checkRetry(each as RetryOptions), LwsError, message);
    assertEquals(error.code, "invalid-argument");
  }
});

Deno.test("a list that the program changes afterwards is the one that was given", () => {
  const delaysMs = [1];
  const policy = checkRetry({ delaysMs })!;
  delaysMs[0] = 5;
  assertEquals(policy.delaysMs, [1]);
});

Deno.test("what the network, a server or a proxy does is tried again, but 1008 and most of 4xx", () => {
  for (const code of [1000, 1001, 1002, 1005, 1006, 1007, 1009, 1011, 1012, 1013, 3000, 4999]) {
    assert(mayRetry(closed(code, "peer")), String(code));
  }
  assert(mayRetry(closed(1006, "timeout")));
  assert(!mayRetry(closed(1008, "peer")));
  for (const cause of ["self", "callback", "destroy"] as const) {
    assert(!mayRetry(closed(1001, cause)), cause);
  }
  for (const status of [200, 302, 399, 408, 425, 429, 500, 503, 599]) {
    assert(mayRetry(refusal(status)), String(status));
  }
  for (const status of [400, 401, 403, 404, 407, 409, 424, 426, 428, 430, 499]) {
    assert(!mayRetry(refusal(status)), String(status));
  }
  assert(mayRetry(FAILURE));
  assert(!mayRetry({ ...FAILURE, isOwn: true }));
  assert(!mayRetry({ ...refusal(503), isOwn: true } as ClientEnd));
});

Deno.test("each delay is drawn from ± jitter of its own, and the last one goes on", () => {
  for (const [at, delayMs] of [...DEFAULTS.delaysMs, 30_000, 30_000].entries()) {
    const draw = (random: number) => delayBefore(at + 1, LOST, DEFAULTS, random, 0);
    assertEquals(draw(0), Math.round(delayMs * 0.7));
    assertEquals(draw(0.5), delayMs);
    assert(draw(1 - Number.EPSILON) <= delayMs * 1.3);
    for (let i = 0; i < 100; i++) {
      const drawn = draw(Math.random());
      assert(drawn >= delayMs * 0.7 - 1 && drawn <= delayMs * 1.3 + 1, String(drawn));
    }
  }
  assertEquals(delayBefore(1, LOST, { ...DEFAULTS, jitter: 0 }, 0.9, 0), 500);
});

Deno.test("Retry-After is never undercut, and counts up to an hour", () => {
  const draw = (value: string, random: number, attempt = 1) =>
    delayBefore(attempt, refusal(503, value), DEFAULTS, random, 0);
  assertEquals([draw("10", 0), draw("10", 0.5), draw("10", 1)], [10_000, 11_500, 13_000]);
  assertEquals(draw("0", 0.5), 500, "its own delay is longer");
  assertEquals(draw("1", 0.5, 6), 30_000);
  assertEquals([draw("3600", 0), draw("3601", 0), draw("9".repeat(400), 0)], [
    3_600_000,
    3_600_000,
    3_600_000,
  ]);
  assertEquals(draw("Thu, 01 Jan 1970 00:00:10 GMT", 0), 10_000);
  assertEquals(draw("later", 0.5), 500);
});

Deno.test("after 1013 the delay is the last one", () => {
  assertEquals(delayBefore(1, closed(1013, "peer"), DEFAULTS, 0.5, 0), 30_000);
  assertEquals(delayBefore(1, closed(1012, "peer"), DEFAULTS, 0.5, 0), 500);
});
