/** `signal` of `clientConnect`. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { ClientConnectInfo } from "../../../mod.ts";
import { LwsError } from "../../../mod.ts";
import { record } from "../../support/recorder.ts";
import { playServer, readFrame, readHead, settle, TARGET } from "../../support/serve.ts";
import { answerLines, headOf } from "../../conformance/sides.ts";

/** A signal that knows who listens. */
function countingSignal() {
  const controller = new AbortController();
  const { signal } = controller;
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...given: Parameters<typeof addEventListener>) => {
    listeners++;
    addEventListener.apply(signal, given);
  };
  signal.removeEventListener = (...given: Parameters<typeof removeEventListener>) => {
    listeners--;
    removeEventListener.apply(signal, given);
  };
  return { controller, signal, listeners: () => listeners };
}

function listening() {
  const told: string[] = [];
  const recorder = record("chat", {
    clientConnectionError: (_wsi, _user, why) => void told.push(why),
    closed: (_wsi, _user, { code, cause }) => void told.push(`${code} ${cause}`),
  });
  return { told, recorder };
}

Deno.test("a signal that has aborted before is told by a throw, and nothing is connected", async () => {
  const { told, recorder } = listening();
  await using side = playServer([recorder.protocol]);
  const signal = AbortSignal.abort("enough");
  for (
    const connect of [
      () => side.context.clientConnect("ws://server.example.com", { signal }),
      () => side.context.clientConnect({ ...TARGET, signal } satisfies ClientConnectInfo),
    ]
  ) {
    const error = assertThrows(connect, LwsError, "signal has aborted already");
    assertEquals([error.code, error.cause], ["aborted", "enough"]);
  }
  await settle();
  assertEquals([told, side.context.stats().connecting], [[], 0]);
});

Deno.test("a client that is connecting or asking fails when its signal aborts, once", async () => {
  for (const step of ["at once", "connecting", "asking"]) {
    const { told, recorder } = listening();
    const { controller, signal, listeners } = countingSignal();
    await using side = playServer([recorder.protocol]);
    side.context.clientConnect("ws://server.example.com", { signal });
    if (step === "connecting") await Promise.resolve();
    if (step === "asking") await readHead(await side.accept());
    controller.abort();
    await recorder.until("wsiDestroy");
    assertEquals(told, ["signal has aborted"], step);
    assertEquals(listeners(), 0);
  }
});

Deno.test("an established one is closed with 1000 when its signal aborts", async () => {
  const { told, recorder } = listening();
  const { controller, signal, listeners } = countingSignal();
  await using side = playServer([recorder.protocol]);
  side.context.clientConnect({ ...TARGET, signal });
  const peer = await side.accept();
  peer.send(headOf(answerLines(await readHead(peer))));
  await recorder.until("clientEstablished");
  assertEquals(listeners(), 1);
  controller.abort();
  assertEquals([...(await readFrame(peer)).payload], [0x03, 0xe8]);
  peer.send(new Uint8Array([0x88, 2, 0x03, 0xe8]));
  peer.end();
  await recorder.until("wsiDestroy");
  assertEquals(told, ["1000 self"]);
  assertEquals(listeners(), 0);
});

Deno.test("what ends otherwise leaves no listener with its signal", async () => {
  for (const how of ["refused", "closed", "destroyed"]) {
    const { told, recorder } = listening();
    const { controller, signal, listeners } = countingSignal();
    await using side = playServer([recorder.protocol]);
    side.context.clientConnect({ ...TARGET, signal });
    const peer = await side.accept();
    const request = await readHead(peer);
    if (how === "refused") peer.send("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
    else {
      peer.send(headOf(answerLines(request)));
      await recorder.until("clientEstablished");
      if (how === "closed") peer.reset();
      else void side.context.destroy();
      if (how === "destroyed") peer.close();
    }
    await recorder.until("wsiDestroy");
    assertEquals([listeners(), told.length], [0, 1], how);
    controller.abort();
    await settle();
    assertEquals(told.length, 1);
  }
});

for (const service of ["manual", "external"] as const) {
  Deno.test(`${service}: what an aborted signal ends is told in service`, async () => {
    const { told, recorder } = listening();
    const controller = new AbortController();
    await using side = playServer([recorder.protocol], { service });
    side.context.clientConnect({ ...TARGET, signal: controller.signal });
    const serve = async () => {
      await settle();
      if (service === "manual") await side.context.service(0);
      else side.context.serviceFd(null);
    };
    for (let i = 0; i < 3; i++) await serve();
    controller.abort();
    assertEquals(told, []);
    const gone = side.context.destroy();
    await settle();
    await gone;
    assertEquals(told.length, 1);
    assertStringIncludes(told[0]!, "signal has aborted");
  });
}
