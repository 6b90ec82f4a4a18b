/** The timer wheel: a timer costs the same whether there are ten or a hundred thousand. */

import { FakeClock } from "../src/testing/fake_clock.ts";
import { TimerWheel, WheelTimer } from "../src/service/timer_wheel.ts";

const owner = { onTimeout() {} };

for (const others of [10, 1000, 100_000]) {
  const wheel = new TimerWheel(new FakeClock());
  for (let i = 0; i < others; i++) wheel.arm(new WheelTimer(owner), 5_000 + i % 10_000);
  const timer = new WheelTimer(owner);
  let delay = 0;
  Deno.bench(`arm, re-arm and cancel beside ${others} others`, { group: "wheel" }, () => {
    delay = (delay + 37) % 60_000;
    wheel.arm(timer, delay + 1_000);
    wheel.arm(timer, delay + 5_000);
    wheel.cancel(timer);
  });
}

Deno.bench("the runtime's setTimeout and clearTimeout", { group: "wheel", baseline: true }, () => {
  clearTimeout(setTimeout(owner.onTimeout, 5_000));
  clearTimeout(setTimeout(owner.onTimeout, 9_000));
});
