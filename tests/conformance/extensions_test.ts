/** RFC 6455 section 9.1: how extensions are negotiated, and in which order they act. */

import { assertEquals, assertMatch } from "@std/assert";
import { callbackExtension, type Extension, permessageDeflate } from "../../mod.ts";
import { fieldOf, statusOf } from "../support/http.ts";
import type { Served } from "../support/serve.ts";
import { handshake, playServer, readFrame, readHead, serve, TARGET } from "../support/serve.ts";
import { rule } from "./rule.ts";
import { answerLines, headOf } from "./sides.ts";
import { named } from "../support/named.ts";

const NAME = "Sec-WebSocket-Extensions";
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Adds its letter to what goes out, and takes it off what comes in. */
function lettering(letter: string): Extension {
  return callbackExtension({
    name: `x-${letter}`,
    callback(_context, _extension, _wsi, reason, _user, data) {
      if (reason !== "payloadTx" && reason !== "payloadRx") return;
      const text = decoder.decode(data.token!.subarray(0, data.tokenLength));
      if (reason === "payloadRx") assertEquals(text.at(-1), letter);
      const changed = reason === "payloadTx" ? text + letter : text.slice(0, -1);
      data.token = encoder.encode(changed);
      data.tokenLength = changed.length;
    },
  });
}

const talking = named("talking", {
  established: (wsi) => void wsi.write("said"),
  clientEstablished: (wsi) => void wsi.write("said"),
  message: (wsi, _user, message) => void wsi.write(`heard ${message}`),
});

/** The answer to a handshake with these lines of offers. */
async function answerTo(served: Served, ...offers: readonly string[]): Promise<string> {
  const peer = await served.dial(
    handshake({ headers: offers.map((offer) => `${NAME}: ${offer}`) }),
  );
  const head = await readHead(peer);
  peer.close();
  return head;
}

rule("9.1", "offers count alike in one field line and in several", async () => {
  await using served = serve([talking], { extensions: [permessageDeflate(), lettering("a")] });
  const answers = [
    await answerTo(served, "x-other, x-a, permessage-deflate; client_no_context_takeover"),
    await answerTo(served, "x-other", "x-a, permessage-deflate; client_no_context_takeover"),
    await answerTo(served, "x-other,x-a", "permessage-deflate;client_no_context_takeover"),
  ].map((head) => fieldOf(head, NAME));
  assertMatch(answers[0]!, /^permessage-deflate.*, x-a$/);
  assertEquals(new Set(answers).size, 1);
});

rule("9.1", "a quoted value is read without its quotes, and has to be a token", async () => {
  await using served = serve([talking], { extensions: [permessageDeflate()] });
  for (const value of ["10", '"10"', '"1\\0"']) {
    const head = await answerTo(served, `permessage-deflate; server_max_window_bits=${value}`);
    assertMatch(fieldOf(head, NAME)!, /server_max_window_bits=10\b/);
  }
  for (const value of ['""', '"1 0"', '"10', '10"', '"1,0"', '"1\t"']) {
    const head = await answerTo(served, `permessage-deflate; server_max_window_bits=${value}`);
    assertEquals(statusOf(head), 400, value);
  }
});

rule(
  "9.1",
  "a server lets the extension that it lists first act first on what it sends",
  async () => {
    for (const order of [["a", "b"], ["b", "a"]]) {
      await using served = serve([talking], { extensions: order.map(lettering) });
      const socket = await served.open({ headers: [`${NAME}: x-b, x-a`] });
      assertEquals(fieldOf(socket.answer, NAME), order.map((each) => `x-${each}`).join(", "));
      assertEquals(await socket.receiveText(), `said${order.join("")}`);
      socket.send({ opcode: 1, payload: `that${order.join("")}` });
      assertEquals(await socket.receiveText(), `heard that${order.join("")}`);
      socket.peer.close();
    }
  },
);

rule("9.1", "a client follows the order of the answer, whatever it offered", async () => {
  for (const order of [["a", "b"], ["b", "a"]]) {
    await using played = playServer([talking], { extensions: ["a", "b"].map(lettering) });
    played.context.clientConnect(TARGET);
    const peer = await played.accept();
    const request = await readHead(peer);
    assertEquals(fieldOf(request, NAME), "x-a, x-b");
    const names = order.map((each) => `x-${each}`);
    peer.send(headOf([...answerLines(request), `${NAME}: ${names.join(", ")}`]));
    assertEquals(decoder.decode((await readFrame(peer)).payload), `said${order.join("")}`);
    peer.close();
  }
});

rule("11.3", "no field of the handshake comes twice in an answer", async () => {
  await using served = serve([talking], { extensions: [lettering("a"), lettering("b")] });
  const peer = await served.dial();
  const lines = [`${NAME}: x-a`, `${NAME}: x-b`, "Sec-WebSocket-Protocol: other"];
  peer.send(handshake({ headers: lines, protocol: "talking" }));
  const head = await readHead(peer);
  assertEquals(statusOf(head), 101);
  const names = head.trimEnd().split("\r\n").slice(1).map((line) => line.split(":")[0]!);
  assertEquals(names.filter((name) => name.startsWith("Sec-WebSocket-")).toSorted(), [
    "Sec-WebSocket-Accept",
    NAME,
    "Sec-WebSocket-Protocol",
  ]);
  assertEquals(new Set(names).size, names.length);
  peer.close();
});
