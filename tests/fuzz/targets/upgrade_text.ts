/** Handshakes at random: requests, answers to them, and what both say of extensions. */

import type { Dice } from "../dice.ts";
import { wordsOf } from "../target.ts";

/** The key of RFC 6455 section 1.3. */
export const KEY_TEXT = "dGhlIHNhbXBsZSBub25jZQ==";
/** The answer to it. */
export const ACCEPT_TEXT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const EXTENSIONS = [
  "permessage-deflate",
  "deflate-frame",
  "x-webkit-deflate-frame",
  "deflate-stream",
];
const PARAMS = [
  "server_no_context_takeover",
  "client_no_context_takeover",
  "server_max_window_bits",
  "client_max_window_bits",
  "no_context_takeover",
  "max_window_bits",
];
const PARAM_VALUES = [
  "8",
  "9",
  "10",
  "15",
  "16",
  "015",
  '"10"',
  '"1\\0"',
  "7",
  "",
  '"',
  "a b",
  "1,0",
];

export const UPGRADE_WORDS = wordsOf(
  ...EXTENSIONS,
  ...PARAMS,
  ...PARAM_VALUES,
  "; ",
  ", ",
  "=",
  "\r\n",
  "Upgrade: websocket\r\n",
  "Connection: Upgrade\r\n",
  "Sec-WebSocket-Version: 13\r\n",
  "Sec-WebSocket-Version: 8\r\n",
  `Sec-WebSocket-Key: ${KEY_TEXT}\r\n`,
  `Sec-WebSocket-Accept: ${ACCEPT_TEXT}\r\n`,
  "Sec-WebSocket-Protocol: a, b\r\n",
  "Sec-WebSocket-Extensions: ",
  "Sec-WebSocket-Key1: 1 8\r\n",
  "Sec-WebSocket-Nonce: ",
  "Origin: http://a\r\n",
  "null",
  "Content-Length: 8\r\n",
);

/** A list of extensions, mostly one that both sides know. */
export function makeExtensions(dice: Dice): string {
  const elements = dice.times(1 + dice.small(3), () => {
    const name = dice.once(20) ? dice.pick(["", "a b", '"a"', "x"]) : dice.pick(EXTENSIONS);
    const params = dice.times(dice.small(4), () => {
      const param = dice.pick(PARAMS);
      return dice.once(2)
        ? `; ${param}`
        : ` ;${param}${dice.once(9) ? " = " : "="}${dice.pick(PARAM_VALUES)}`;
    });
    return name + params.join("");
  });
  return elements.join(dice.pick([", ", ",", " ,, "]));
}

/** Most lines as they have to be, some left out, twice or otherwise. */
function shuffled(lines: readonly string[], dice: Dice): string[] {
  return lines.flatMap((line) => {
    if (dice.once(40)) return [];
    if (dice.once(40)) return [line, line];
    return [line];
  });
}

/** A request for a WebSocket, of any version. */
export function makeUpgrade(dice: Dice): string {
  const version = dice.pick(["13", "13", "8", "7", "6", "5", "4", "0", "75", "99"]);
  const isOld = version === "0" || version === "75";
  const lines = ["Host: a", `Upgrade: ${isOld ? "WebSocket" : "websocket"}`, "Connection: Upgrade"];
  const origin = dice.pick([
    "http://a",
    "https://a",
    "http://a:80",
    "null",
    "http://b.a",
    "x",
    "HTTP://A",
  ]);
  if (!isOld) lines.push(`Sec-WebSocket-Version: ${version}`, `Sec-WebSocket-Key: ${KEY_TEXT}`);
  if (version === "0") {
    lines.push(`Sec-WebSocket-Key1: ${makeHiddenNumber(dice)}`);
    lines.push(`Sec-WebSocket-Key2: ${makeHiddenNumber(dice)}`);
  }
  if (isOld || dice.once(2)) {
    lines.push(`${version === "8" ? "Sec-WebSocket-Origin" : "Origin"}: ${origin}`);
  }
  if (dice.once(3)) {
    lines.push(`Sec-WebSocket-Protocol: ${dice.pick(["a", "a, b", "a,a", "", "a b"])}`);
  }
  if (dice.once(2)) lines.push(`Sec-WebSocket-Extensions: ${makeExtensions(dice)}`);
  if (dice.once(20)) {
    lines.push(dice.pick(["Content-Length: 8", "Content-Length: 0", "Content-Length: 3"]));
  }
  const start = dice.once(20)
    ? dice.pick(["POST / HTTP/1.1", "GET / HTTP/1.0"])
    : "GET /x?y HTTP/1.1";
  const behind = version === "0" ? "12345678" : "";
  return `${start}\r\n${shuffled(lines, dice).join("\r\n")}\r\n\r\n${behind}`;
}

function makeHiddenNumber(dice: Dice): string {
  const spaces = 1 + dice.below(4);
  const number = dice.below(2 ** 30) * spaces;
  const text = `x${number}y`;
  return dice.once(12) ? text : `${text.slice(0, 3)}${" ".repeat(spaces)}${text.slice(3)}`;
}

/** What a server answers, of draft 04 to RFC 6455, or of hixie-76. */
export function makeAgreement(dice: Dice, isHixie: boolean, proof: string): string {
  const lines = ["Connection: Upgrade", `Upgrade: ${isHixie ? "WebSocket" : "websocket"}`];
  if (isHixie) lines.push("Sec-WebSocket-Origin: http://a", "Sec-WebSocket-Location: ws://a/x");
  else lines.push(`Sec-WebSocket-Accept: ${ACCEPT_TEXT}`, `Sec-WebSocket-Nonce: ${KEY_TEXT}`);
  if (isHixie || dice.once(2)) lines.push(`Sec-WebSocket-Protocol: ${dice.once(9) ? "c" : "a"}`);
  if (dice.once(2)) lines.push(`Sec-WebSocket-Extensions: ${makeExtensions(dice)}`);
  const status = dice.once(20) ? dice.pick([200, 302, 400]) : 101;
  return `HTTP/1.1 ${status} Switching Protocols\r\n${shuffled(lines, dice).join("\r\n")}\r\n\r\n${
    isHixie ? proof : ""
  }`;
}
