/** A browser's opening handshake: its head alone, and all that the core does for it. */

import { requestFraming } from "../../../src/core/http/body/reader.ts";
import { RequestHeadParser } from "../../../src/core/http/head.ts";
import { digests } from "../../../src/context/digests.ts";
import type { KeyedUpgrade } from "../../../src/core/websocket/handshake/decision.ts";
import { readUpgrade, upgradeResponse } from "../../../src/core/websocket/handshake/server.ts";
import { DEFAULT_LIMITS } from "../../../src/api/limits.ts";
import { answer } from "../floor/handshake.ts";
import { readHead } from "../floor/request_head.ts";
import type { Part } from "./part.ts";

const REQUEST = [
  "GET /chat?room=7 HTTP/1.1",
  "Host: www.example.com",
  "Connection: Upgrade",
  "Pragma: no-cache",
  "Cache-Control: no-cache",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36",
  "Upgrade: websocket",
  "Origin: https://www.example.com",
  "Sec-WebSocket-Version: 13",
  "Accept-Encoding: gzip, deflate, br, zstd",
  "Accept-Language: en-GB,en;q=0.9",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
  "Sec-WebSocket-Protocol: chat",
  "\r\n",
].join("\r\n");

const HEAD: Part = {
  name: "request head",
  batch: 1,
  prepare() {
    const bytes = new TextEncoder().encode(REQUEST);
    const parser = new RequestHeadParser(DEFAULT_LIMITS);
    return {
      ours(times) {
        let characters = 0;
        for (let i = 0; i < times; i++) {
          parser.parse(bytes);
          const { target, fields } = parser.head;
          characters += target.length + fields.size + fields.get("sec-websocket-key")!.length;
          parser.reset();
        }
        return characters;
      },
      floor(times) {
        let characters = 0;
        for (let i = 0; i < times; i++) {
          const { target, fields } = readHead(bytes);
          characters += target.length + fields.size + fields.get("sec-websocket-key")!.length;
        }
        return characters;
      },
    };
  },
};

const HANDSHAKE: Part = {
  name: "opening handshake",
  batch: 1,
  prepare() {
    const bytes = new TextEncoder().encode(REQUEST);
    const parser = new RequestHeadParser(DEFAULT_LIMITS);
    return {
      ours(times) {
        let length = 0;
        for (let i = 0; i < times; i++) {
          parser.parse(bytes);
          const { head } = parser;
          parser.reset();
          const decision = readUpgrade(head, requestFraming(head), [13]);
          if (decision.kind !== "websocket") throw new Error(decision.kind);
          const { key, protocols: [protocol] } = decision as KeyedUpgrade;
          length += upgradeResponse(key, { protocol, fields: [] }, digests).length;
        }
        return length;
      },
      floor(times) {
        let length = 0;
        for (let i = 0; i < times; i++) length += answer(bytes).length;
        return length;
      },
    };
  },
};

/** In the table's order. */
export const HANDSHAKE_PARTS: readonly Part[] = [HEAD, HANDSHAKE];
