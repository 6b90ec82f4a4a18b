/** The opening handshake: a request read, judged and answered. */

import { requestFraming } from "../src/core/http/body/reader.ts";
import { RequestHeadParser } from "../src/core/http/head.ts";
import { digests } from "../src/context/digests.ts";
import type { KeyedUpgrade } from "../src/core/websocket/handshake/decision.ts";
import { acceptValue } from "../src/core/websocket/handshake/keys.ts";
import { readUpgrade, upgradeResponse } from "../src/core/websocket/handshake/server.ts";
import { DEFAULT_LIMITS } from "../src/api/limits.ts";
import { handshake, HANDSHAKE_KEY } from "../tests/support/serve.ts";

const request = new TextEncoder().encode(handshake({ protocol: "chat, echo" }));
const parser = new RequestHeadParser(DEFAULT_LIMITS);

Deno.bench("a server's whole handshake", () => {
  parser.parse(request);
  const { head } = parser;
  parser.reset();
  const decision = readUpgrade(head, requestFraming(head), [13]);
  if (decision.kind !== "websocket") throw new Error(decision.kind);
  const { key } = decision as KeyedUpgrade;
  upgradeResponse(key, { protocol: "chat", fields: [] }, digests);
});

Deno.bench("the accept value alone", () => void acceptValue(HANDSHAKE_KEY, digests));
