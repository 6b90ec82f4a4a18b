/** Both sides of a conversation in memory, byte by byte, which says what it came to. For every runtime. */

// deno-lint-ignore no-import-prefix -- a bundler finds it in its folder of packages
import { sha1 } from "npm:@noble/hashes@2/legacy.js";
import * as core from "../../../src/core/mod.ts";

const LIMITS = { maxFramePayload: 1 << 20, maxFragments: 64, maxEmptyFragments: 8 };
const HEAD = { maxHeaderBytes: 4096, maxHeaderFields: 50 };

/** Gives bytes one by one to what takes them from their beginning; what it returned last. */
function drip(bytes: Uint8Array, take: (bytes: Uint8Array) => number): number {
  let taken = 0;
  for (let end = 1; end <= bytes.length && taken === 0; end++) taken = take(bytes.slice(0, end));
  return taken;
}

/** What a parser makes of frames that come byte by byte. */
function told(masked: boolean, frames: readonly Uint8Array[]): string[] {
  const said: string[] = [];
  let text = "";
  const decoder = new TextDecoder();
  const rules = new core.FrameRules({ masked, pieceSize: 16, limits: LIMITS });
  const parser = new core.FrameParser(rules, {
    onData(piece) {
      const isLast = parser.isFinal && parser.remaining === 0;
      text += decoder.decode(piece, { stream: !isLast });
      if (!isLast) return;
      said.push(text);
      text = "";
    },
    onControl: (opcode, payload) =>
      void said.push(
        `${opcode}:${opcode === core.OPCODE_CLOSE ? closeOf(payload) : payload.length}`,
      ),
    onFail: (failure) => void said.push(failure),
  });
  let rest = new Uint8Array();
  for (const frame of frames) {
    for (const byte of frame) {
      const bytes = Uint8Array.from([...rest, byte]);
      rest = bytes.slice(parser.parse(bytes));
    }
  }
  return said;
}

function closeOf(payload: Uint8Array): string {
  const status = core.decodeClose(payload);
  return typeof status === "string" ? status : `${status.code} ${status.reason}`;
}

/** What both sides of a handshake come to, and frames in both directions. */
export function conversation(): string {
  const key = core.newKey();
  const asked = core.upgradeRequest({
    path: "/chat?room=1",
    host: "example.com",
    key,
    version: 13,
    protocols: ["chat"],
    fields: [["X-More", "yes"]],
  });
  const request = new core.RequestHeadParser(HEAD);
  drip(asked, (bytes) => request.parse(bytes));
  const decision = core.readUpgrade(request.head, core.requestFraming(request.head), [13]);
  if (decision.kind !== "websocket" || !("key" in decision)) return JSON.stringify(decision);
  const answer = { protocol: decision.protocols[0], fields: [] };
  const answered = core.upgradeResponse(decision.key, answer, { sha1 });
  const response = new core.ResponseHeadParser(HEAD);
  drip(answered, (bytes) => response.parse(bytes));
  const offer = { protocols: ["chat"], hasExtensions: false };
  const agreed = core.checkUpgradeResponse(response.head, key, offer, { sha1 });

  const encoder = new TextEncoder();
  const conversations = [true, false].map((masked) =>
    told(masked, [
      core.frameBytes(core.OPCODE_TEXT, encoder.encode("aß→😀".repeat(20)), { masked }),
      core.frameBytes(core.OPCODE_TEXT, encoder.encode("frag"), { masked, fin: false }),
      core.frameBytes(core.OPCODE_PING, encoder.encode("?"), { masked }),
      core.frameBytes(core.OPCODE_CONTINUATION, encoder.encode("ment"), { masked }),
      core.frameBytes(core.OPCODE_CLOSE, core.encodeClose(1000, "bye"), { masked }),
      core.frameBytes(core.OPCODE_TEXT, Uint8Array.of(0xff), { masked }),
    ]).join("|")
  );
  const [extension] = core.parseExtensions("permessage-deflate; client_max_window_bits=12") ?? [];
  return [
    request.head.path,
    request.head.uriArgs,
    agreed.protocol,
    core.formatExtension(extension!),
    ...conversations.map((each) => each.replace("aß→😀".repeat(20), "long")),
  ].join("\n");
}
