/** Extensions of users that throw where they should not. */

import { assertEquals } from "@std/assert";
import type { Extension, ExtensionSession, ServicePolicy } from "../mod.ts";
import { captureLog, record } from "./support/recorder.ts";
import { handshake, readHead, serve, settle, WebSocketPeer } from "./support/serve.ts";

/** An extension that changes nothing, and throws in one place. */
function throwing(where: string): Extension {
  const check = (place: string) => {
    if (place === where) throw new Error(`thrown in ${where}`);
  };
  let pushed: Uint8Array = new Uint8Array(0);
  const session: ExtensionSession = {
    unit: "message",
    reservedBits: 4,
    sharedKey: undefined,
    encode: () => (check("encode"), undefined),
    encodeShared: () => undefined,
    sentShared() {},
    push(piece) {
      check("push");
      pushed = piece;
    },
    read(target) {
      check("read");
      target.set(pushed);
      const { length } = pushed;
      pushed = pushed.subarray(length);
      return length;
    },
    close: () => check("session.close"),
  };
  return {
    name: "thrower",
    accept: () => (check("accept"), { answer: "thrower", session }),
    offer: () => "thrower",
    confirm: () => session,
    close: () => check("close"),
    contextConstruct: () => check("contextConstruct"),
    contextDestruct: () => check("contextDestruct"),
    anyClosing: () => check("anyClosing"),
  };
}

const PLACES = [
  "accept",
  "push",
  "read",
  "session.close",
  "close",
  "contextConstruct",
  "contextDestruct",
  "anyClosing",
];
const POLICIES: readonly ServicePolicy[] = ["automatic", "manual"];

for (const service of POLICIES) {
  for (const where of PLACES) {
    Deno.test(`${service}: an extension that throws in ${where} ends nothing but its connection`, async () => {
      using log = captureLog(["err", "info"]);
      const recorder = record("echo");
      const served = serve([recorder.protocol], { service, extensions: [throwing(where)] });
      const { context } = served;
      const pump = async () => {
        for (let i = 0; i < 10; i++) {
          if (service === "manual" && !context.isDestroyed) await context.service(0);
          await settle();
        }
      };
      const peer = await served.network.dial(80);
      peer.send(handshake({ headers: ["Sec-WebSocket-Extensions: thrower"] }));
      await pump();
      const answer = await readHead(peer);
      assertEquals(answer.startsWith("HTTP/1.1 101"), true);
      const socket = new WebSocketPeer(peer, answer);
      socket.send({ opcode: 1, rsv: where === "accept" ? 0 : 4, payload: "x" });
      await pump();
      peer.close();
      await pump();
      assertEquals(recorder.reasons.filter((each) => each === "closed").length, 1);
      assertEquals(recorder.reasons.filter((each) => each === "wsiDestroy").length, 1);

      const next = await served.network.dial(80);
      next.send(handshake());
      await pump();
      assertEquals((await readHead(next)).startsWith("HTTP/1.1 101"), true, "it serves on");
      next.close();
      await pump();
      await served[Symbol.asyncDispose]();
      assertEquals(log.lines.some((line) => line.includes(`thrown in ${where}`)), true);
    });
  }
}
