/** The handshakes of addresses, on a clock that is told. */

import { assert, assertEquals } from "@std/assert";
import { HandshakeRates } from "../../../../src/connection/limits/handshake_rates.ts";

Deno.test("each address has a rate of its own, and one too many doesn't put the next one off", () => {
  const rates = new HandshakeRates(2);
  const ask = (address: string, now: number) => rates.untilAllowed(address, now);
  assertEquals([ask("192.0.2.1", 0), ask("192.0.2.1", 0), ask("192.0.2.1", 0)], [0, 0, 500]);
  assertEquals(ask("192.0.2.2", 0), 0);
  for (let now = 100; now < 500; now += 100) assertEquals(ask("192.0.2.1", now), 500 - now);
  assertEquals([ask("192.0.2.1", 500), ask("192.0.2.1", 500)], [0, 500]);
});

Deno.test("of IPv6 the first 64 bits count, and IPv4 is the same when it is mapped", () => {
  const rates = new HandshakeRates(1);
  const ask = (address: string) => rates.untilAllowed(address, 0) === 0;
  assertEquals([ask("2001:db8:0:1::1"), ask("2001:db8:0:1:ffff::"), ask("2001:DB8::1:0:0:0:9")], [
    true,
    false,
    false,
  ]);
  assertEquals([ask("2001:db8:0:2::1"), ask("2001:db8:0:2::")], [true, false]);
  assertEquals([ask("192.0.2.1"), ask("::ffff:192.0.2.1"), ask("::ffff:192.0.2.2")], [
    true,
    false,
    true,
  ]);
});

Deno.test("addresses that are heard of no more are forgotten, and none before its second is over", () => {
  const rates = new HandshakeRates(1);
  for (let i = 0; i < 1000; i++) rates.untilAllowed(`192.0.${i >> 8}.${i & 255}`, i);
  assertEquals(rates.untilAllowed("192.0.3.231", 1_900), 99);
  assert(rates.size > 0);
  rates.untilAllowed("198.51.100.1", 10_000);
  assertEquals(rates.size, 1);
});

Deno.test("more addresses than are kept are no more than are kept", () => {
  const rates = new HandshakeRates(1);
  for (let i = 0; i < 200_000; i++) rates.untilAllowed(`a${i}`, 0);
  assert(rates.size <= 2 * 65_536, String(rates.size));
  assertEquals(rates.untilAllowed("a199999", 0), 1_000);
});
