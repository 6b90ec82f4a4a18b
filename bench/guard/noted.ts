/**
 * How fast each part was in floors; the guard fails below two thirds of that. Written by
 * `deno task bench:guard --note` with Deno 2.9.6 on x86_64: renew it on an idle machine when a
 * part has become faster, or slower for a good reason, when a floor changes, and with a new Deno.
 */
export const NOTED: Readonly<Record<string, number>> = {
  "frame of 125 bytes": 0.805,
  "frame of 16384 bytes": 2.24,
  "frame of 16384 bytes, reads of 4096": 0.455,
  "unmask 125 bytes": 2.1,
  "unmask 65536 bytes": 4.38,
  "UTF-8 check of 125 bytes, ASCII": 1.03,
  "UTF-8 check of 125 bytes, mixed": 0.803,
  "UTF-8 check of 4096 bytes, ASCII": 1.61,
  "request head": 0.806,
  "opening handshake": 0.288,
  "timer beside 10 others": 0.319,
  "timer beside 100000 others": 0.309,
};
