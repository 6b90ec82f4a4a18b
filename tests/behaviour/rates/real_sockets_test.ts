/** Rates over real sockets, where it is the system that holds back what is not read. */

import { assert, assertEquals } from "@std/assert";
import { createContext, type ServicePolicy } from "../../../mod.ts";
import { named } from "../../support/named.ts";

/** Twice what a second allows: a slow machine is too fast as well. */
const MESSAGES = 800;

for (const service of ["automatic", "manual"] as const satisfies ServicePolicy[]) {
  Deno.test(`${service}: a peer that sends too fast loses nothing, and is told its answers in order`, async () => {
    await using context = createContext({
      port: 0,
      iface: "127.0.0.1",
      service,
      maxMessagesPerSecond: 400,
      protocols: [named("echo", { message: (wsi, _user, data) => void wsi.write(data) })],
    });
    const socket = new WebSocket(`ws://127.0.0.1:${context.port}`, "echo");
    const answers: string[] = [];
    const { promise: whole, resolve } = Promise.withResolvers<void>();
    socket.onmessage = ({ data }) => {
      if (answers.push(data) === MESSAGES) resolve();
    };
    const sent = Array.from({ length: MESSAGES }, (_, i) => `${i} ${"x".repeat(i)}`);
    socket.onopen = () => sent.forEach((each) => socket.send(each));
    let isDone = false;
    const closed = new Promise<void>((resolve) => {
      socket.onclose = () => resolve();
    });
    const done = whole.then(() => socket.close()).then(() => closed).then(() => isDone = true);
    while (service === "manual" && !isDone) await context.service(10);
    await done;
    assertEquals(answers, sent);
    assert(context.stats().limitsHit.maxMessagesPerSecond! > 0);
  });
}
