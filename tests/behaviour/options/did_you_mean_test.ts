/** A name that there is not is refused, and the message says which one may have been meant. */

import { assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import {
  connectBroadcast,
  createContext,
  deflateStream,
  handlers,
  LwsError,
  permessageDeflate,
  type Protocol,
} from "../../../mod.ts";
import { serve } from "../../support/serve.ts";

const echo: Protocol = { name: "echo", callback: handlers({}) };

function assertMeant(call: () => unknown, meant: string): void {
  const { message } = assertThrows(call, LwsError);
  assertStringIncludes(message, `; did you mean ${meant}?`);
}

// deno-lint-ignore no-explicit-any -- what only JavaScript can be given
const any = (value: object): any => value;

Deno.test("a misspelt option of a context names the one that was meant, at any depth", () => {
  const refused = (more: object) => () =>
    createContext(any({ port: 0, protocols: [echo], ...more }));
  assertMeant(refused({ softUnsentByte: 1 }), "softUnsentBytes");
  assertMeant(refused({ ka_time: 1 }), "kaTime");
  assertMeant(refused({ ssl_cert_filepath: "x" }), "sslCertFilepath");
  assertMeant(refused({ options: { disableIPv6: true } }), "disableIpv6");
  assertMeant(refused({ topics: { maxTopic: 1 } }), "maxTopics");
  assertMeant(refused({ tokenLimits: { "user agent": 1 } }), "user-agent");
  assertMeant(refused({ protocols: [{ ...echo, rx_buffer_size: 1 }] }), "rxBufferSize");
  assertMeant(refused({ mounts: [{ path: "/", folder: ".", Index: 1 }] }), "index");
  assertMeant(
    refused({ extensions: [{ name: "x", callback: () => 0, perSesionData: 1 }] }),
    "perSessionData",
  );
});

Deno.test("a misspelt reason names the one that was meant, also where it is a constant of C", () => {
  assertMeant(() => handlers(any({ recieve: () => {} })), "receive");
  assertMeant(() => handlers(any({ onmessage: () => {} })), "message");
  assertMeant(
    () => handlers(any({ LWS_CALLBACK_CLIENT_ESTABLISHED: () => {} })),
    "clientEstablished",
  );
});

Deno.test("a misspelt option of an extension and of a broadcast names the one that was meant", async () => {
  assertMeant(() => permessageDeflate(any({ treshold: 1 })), "threshold");
  assertMeant(() => deflateStream(any({ memlevel: 1 })), "memLevel");
  const { message } = await assertRejects(() => connectBroadcast(any({ prot: 1 })), LwsError);
  assertStringIncludes(message, "; did you mean port?");
});

Deno.test("a misspelt argument of a context and of a connection names the one that was meant", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const callback = handlers({
    established(wsi) {
      assertMeant(() => wsi.write("x", "txt" as "text"), "text");
      assertMeant(
        () => wsi.setTimeout("noPendingTimeouts" as "noPendingTimeout", 0),
        "noPendingTimeout",
      );
      assertMeant(() => wsi.hdrCopy("uri arg"), "uri args");
      resolve();
    },
  });
  await using served = serve([{ name: "chat", callback }]);
  await served.open();
  await promise;
  const { context } = served;
  assertMeant(() => context.broadcast("chatt", "x"), "chat");
  assertMeant(
    () => context.callbackAllProtocol("chat", "serverWritable" as "serverWriteable"),
    "serverWriteable",
  );
  assertMeant(() => context.clientConnect("ws://x", any({ header: [] })), "headers");
  assertMeant(() => context.clientConnect(any({ adress: "x" })), "address");
  assertMeant(
    () => context.clientConnect("ws://x", any({ retry: { delayMs: [1] } })),
    "delaysMs",
  );
  assertMeant(() => context.destroy(any({ gracems: 1 })), "graceMs");
});
