/** What is proposed of callback extensions, and agreed to. */

import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import type { CallbackExtension, Protocol } from "../../../mod.ts";
import { handlers, permessageDeflate } from "../../../mod.ts";
import { flip } from "../../support/extensions.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { serve } from "../../support/serve.ts";
import { named } from "../../support/named.ts";
import { doing, NAME, OFFER, watched } from "./callback_extension.ts";

/** The offer of a client that lists these, as its server reads it. */
async function offered(
  extensions: readonly CallbackExtension[],
  answer: (reason: string, data: unknown) => number | void = () => {},
): Promise<string | undefined> {
  let offer: string | undefined;
  await using served = serve([
    named("p", {
      filterProtocolConnection: (wsi) => void (offer = wsi.hdrCopy("sec-websocket-extensions")),
    }),
  ], { extensions: [flip("x-1"), flip("x-2"), flip("x-3")] });
  const recorder = record("client", (_wsi, reason, _user, data) => answer(reason, data));
  const client = served.client([recorder.protocol], { extensions });
  client.clientConnect({ address: "memory", port: 80 });
  await Promise.race([
    recorder.until("clientEstablished"),
    recorder.until("clientConnectionError"),
  ]);
  assertEquals(recorder.reasons.includes("clientConnectionError"), false);
  return offer;
}

Deno.test("checkOkToProposeExtension: every listed extension may keep any name from being offered", async () => {
  using _log = captureLog(["err", "warn"]);
  const asked: string[] = [];
  const extensions = (verdict: (by: string, name: string) => number | void) =>
    ["x-1", "x-2", "x-3"].map((by) =>
      doing({
        checkOkToProposeExtension(name) {
          asked.push(`${by}: ${name}`);
          return verdict(by, name);
        },
      }, by)
    );
  assertEquals(await offered(extensions(() => 0)), "x-1, x-2, x-3");
  assertEquals(asked.length, 9);
  assertEquals(asked.slice(0, 3), ["x-1: x-1", "x-2: x-1", "x-3: x-1"]);
  assertEquals(
    await offered(extensions((by, name) => by === "x-3" && name === "x-1" ? 1 : 0)),
    "x-2, x-3",
  );
  assertEquals(
    await offered(extensions((by, name) => by === name && by === "x-2" ? -1 : 0)),
    "x-1, x-3",
  );
  assertEquals(
    await offered(extensions((by) => {
      if (by === "x-1") throw new Error("no good");
    })),
    undefined,
  );
});

Deno.test("clientConfirmExtensionSupported: the first protocol leaves out what it returns non-zero for", async () => {
  using log = captureLog(["err", "warn"]);
  const extensions = () => [flip("x-1"), flip("x-2")];
  const saying = (verdict: (name: unknown) => number | void) => (reason: string, name: unknown) =>
    reason === "clientConfirmExtensionSupported" ? verdict(name) : undefined;
  assertEquals(await offered(extensions(), saying(() => 0)), "x-1, x-2");
  assertEquals(await offered(extensions(), saying((name) => name === "x-1" ? 1 : 0)), "x-2");
  assertEquals(await offered(extensions(), saying(() => -1)), undefined);
  assertEquals(log.lines, []);
  const throwing = saying((name) => {
    if (name === "x-2") throw new Error("no good");
  });
  assertEquals(await offered(extensions(), throwing), "x-1");
  assertMatch(
    log.lines.join(),
    /^err: client: clientConfirmExtensionSupported threw: Error: no good/,
  );
});

Deno.test("confirmExtensionOkay: the first protocol has its user, and refuses by non-zero or a throw", async () => {
  using log = captureLog(["err", "warn"]);
  const seen: [string, unknown, unknown][] = [];
  let verdict: (name: string) => number | void = () => {};
  const first: Protocol<{ of: string }> = {
    name: "first",
    perSessionData: () => ({ of: "first" }),
    callback(wsi, reason, user, data) {
      if (reason === "established") seen.push(["established", wsi.extensions.join(), user.of]);
      if (reason !== "confirmExtensionOkay") return;
      seen.push([reason, data, user.of]);
      return verdict(data);
    },
  };
  const second: Protocol<{ of: string }> = {
    name: "second",
    perSessionData: () => ({ of: "second" }),
    callback(wsi, reason, user, _data) {
      assert(reason !== "confirmExtensionOkay");
      if (reason === "established") seen.push(["established", wsi.extensions.join(), user.of]);
    },
  };
  await using served = serve([first, second], {
    extensions: [flip("x-1"), flip("x-2"), flip("x-3")],
  });
  const headers = ["Sec-WebSocket-Extensions: x-2, x-1"];
  await served.open({ headers, protocol: "second" });
  assertEquals(seen, [
    ["confirmExtensionOkay", "x-1", "first"],
    ["confirmExtensionOkay", "x-2", "first"],
    ["established", "x-1,x-2", "second"],
  ]);
  verdict = (name) => name === "x-1" ? 1 : 0;
  await served.open({ headers });
  assertEquals(seen.at(-1), ["established", "x-2", "first"]);
  verdict = (name) => name === "x-2" ? -1 : 0;
  await served.open({ headers });
  assertEquals(seen.at(-1), ["established", "x-1", "first"]);
  verdict = () => 1;
  const { answer } = await served.open({ headers });
  assertEquals(answer.toLowerCase().includes("sec-websocket-extensions"), false);
  assertEquals(log.lines, []);
  verdict = (name) => {
    if (name === "x-1") throw new Error("no good");
  };
  await served.open({ headers });
  assertEquals(seen.at(-1), ["established", "x-2", "first"]);
  assertMatch(log.lines.join(), /^err: first: confirmExtensionOkay threw: Error: no good/);
});

Deno.test("confirmExtensionOkay is not asked about what does not go with one before", async () => {
  const asked: string[] = [];
  const callback = handlers({ confirmExtensionOkay: (_wsi, _user, name) => void asked.push(name) });
  const { deflateFrame } = await import("../../../mod.ts");
  await using served = serve([{ name: "p", callback }], {
    extensions: [permessageDeflate(), deflateFrame(), flip()],
  });
  await served.open({
    headers: ["Sec-WebSocket-Extensions: x-other, deflate-frame, permessage-deflate"],
  });
  assertEquals(asked, ["permessage-deflate"]);
});

Deno.test("a program that answers in confirmExtensionOkay refuses the handshake by that", async () => {
  const callback = handlers({
    confirmExtensionOkay(wsi) {
      wsi.returnHttpStatus(409);
    },
  });
  const constructed: string[] = [];
  const extension = doing({
    construct: () => void constructed.push("construct"),
    destroy: () => void constructed.push("destroy"),
  });
  await using served = serve([{ name: "p", callback }], { extensions: [extension] });
  let answer = "";
  await served.open(OFFER).catch((error) => answer = String(error));
  assertStringIncludes(answer, "409");
  assertEquals(constructed, []);
});

Deno.test("parameters are not understood: an offer with some is declined, such an answer fails", async () => {
  await using served = serve([watched().protocol], { extensions: [flip(NAME)] });
  const offer = (value: string) => served.open({ headers: [`Sec-WebSocket-Extensions: ${value}`] });
  const answerTo = async (value: string) =>
    /^sec-websocket-extensions: (.*)\r$/im.exec((await offer(value)).answer)?.[1];
  assertEquals(await answerTo(`${NAME}; a`), undefined);
  assertEquals(await answerTo(`${NAME}; a=1, ${NAME}`), NAME);
  const extension = flip(NAME);
  assertThrows(
    () => extension.confirm({ name: NAME, params: [{ name: "a", value: "1" }] }),
    Error,
    "parameters",
  );
});
