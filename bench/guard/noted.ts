/**
 * How fast each part was in floors; the guard fails below two thirds of that. Written by
 * `deno task bench:guard --note` with Deno 2.9.6 on x86_64: renew it on an idle machine when a
 * part has become faster, or slower for a good reason, when a floor changes, and with a new Deno.
 */
export const NOTED: Readonly<Record<string, number>> = {
  "frame of 125 bytes": 0.957,
  "frame of 16384 bytes": 2.25,
  "frame of 16384 bytes, reads of 4096": 0.56,
  "unmask 125 bytes": 2.07,
  "unmask 65536 bytes": 4.35,
  "UTF-8 check of 125 bytes, ASCII": 1.03,
  "UTF-8 check of 125 bytes, mixed": 0.803,
  "UTF-8 check of 4096 bytes, ASCII": 1.61,
  "request head": 0.799,
  "opening handshake": 0.273,
  "timer beside 10 others": 0.297,
  "timer beside 100000 others": 0.315,
};
