/** What becomes of a client with whom no subprotocol is in common (RFC 6455 section 4.2.2). */

import { assertEquals, assertThrows } from "@std/assert";
import {
  CONTEXT_PORT_NO_LISTEN,
  createContext,
  handlers,
  LwsError,
  type Protocol,
} from "../../../mod.ts";
import { fieldOf, statusOf } from "../../support/http.ts";
import { handshake, readHead, serve } from "../../support/serve.ts";

const named: Protocol = {
  name: "named",
  callback: handlers({ established: (wsi) => void wsi.write(wsi.protocol.name) }),
};

Deno.test("a context that is told nothing wants one in common", async () => {
  for (const info of [{}, { subprotocols: "required" } as const]) {
    await using served = serve([named], info);
    const peer = await served.dial(handshake({ protocol: "other" }));
    assertEquals(statusOf(await readHead(peer)), 400);
  }
});

Deno.test('with "optional" the connection goes on, and its 101 names none', async () => {
  await using served = serve([named], { subprotocols: "optional" });
  const socket = await served.open({ protocol: "other, another" });
  assertEquals(fieldOf(socket.answer, "Sec-WebSocket-Protocol"), undefined);
  assertEquals(await socket.receiveText(), "named");
});

Deno.test('with "optional" one in common is chosen all the same', async () => {
  await using served = serve([{ ...named, name: "first" }, named], { subprotocols: "optional" });
  const socket = await served.open({ protocol: "other, named" });
  assertEquals(fieldOf(socket.answer, "Sec-WebSocket-Protocol"), "named");
  assertEquals(await socket.receiveText(), "named");
});

Deno.test('with "optional" the first whose path fits takes clients without one in common', async () => {
  const protocols = [{ ...named, name: "elsewhere", path: "/elsewhere" }, named];
  await using served = serve(protocols, { subprotocols: "optional" });
  const socket = await served.open({ protocol: "elsewhere", path: "/here" });
  assertEquals(fieldOf(socket.answer, "Sec-WebSocket-Protocol"), undefined);
  assertEquals(await socket.receiveText(), "named");
});

Deno.test("a client of ours takes such an answer, and keeps the protocol that it has asked for", async () => {
  await using served = serve([named], { subprotocols: "optional" });
  const heard = Promise.withResolvers<string>();
  const client = served.client([{
    name: "other",
    callback: handlers({
      message: (wsi, _user, text) => heard.resolve(`${wsi.protocol.name} ${text}`),
    }),
  }]);
  client.clientConnect({ address: "localhost", port: 80, protocol: "other" });
  assertEquals(await heard.promise, "other named");
});

Deno.test("another value is refused", () => {
  for (const subprotocols of ["Optional", true, null]) {
    const error = assertThrows(
      () =>
        createContext({
          port: CONTEXT_PORT_NO_LISTEN,
          protocols: [named],
          subprotocols: subprotocols as "optional",
        }),
      LwsError,
      'allowed: "required" or "optional"',
    );
    assertEquals(error.code, "invalid-option");
  }
});
