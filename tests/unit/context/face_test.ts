/** What programs can reach of a context. */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { type Context, type Extension, type Protocol, type Reason } from "../../../mod.ts";
import { assertIsContextFace } from "../../support/context_members.ts";
import { readResponse, serve } from "../../support/serve.ts";

for (const service of ["automatic", "manual", "external"] as const) {
  Deno.test(`a context with ${service} service has the members of Context, in every reason the same object`, async () => {
    const seen = new Map<Reason, Context>();
    const protocol: Protocol = {
      name: "chat",
      callback(...[wsi, reason]) {
        seen.set(reason, wsi.context);
        if (reason === "http") return wsi.respond(200, "hello");
      },
    };
    await using served = serve([protocol], { service });
    const { context } = served;
    const answer = readResponse(await served.dial("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
    while (service !== "automatic" && !seen.has("http")) await context.service(0);
    if (service === "automatic") await answer;
    else answer.catch(() => {});

    assertIsContextFace(context, service);
    for (const [reason, each] of seen) assertStrictEquals(each, context, reason);
    for (const reason of ["protocolInit", "filterNetworkConnection", "http"] as const) {
      assertEquals(seen.has(reason), true, reason);
    }
    assertEquals(seen.has("addPollFd"), service === "external");
    assertStrictEquals(context.protocols[0]!.owningServer, context);
  });
}

Deno.test("an extension is told of the context that createContext returns", async () => {
  const seen: Context[] = [];
  const extension: Extension = {
    name: "x-note",
    offer: () => "x-note",
    accept: () => undefined,
    confirm() {
      throw new Error("no client is here");
    },
    contextConstruct: (context) => void seen.push(context),
    contextDestruct: (context) => void seen.push(context),
    close() {},
  };
  const served = serve([{ name: "chat", callback: () => 0 }], { extensions: [extension] });
  await served[Symbol.asyncDispose]();
  assertEquals(seen.length, 2);
  for (const each of seen) assertStrictEquals(each, served.context);
});
