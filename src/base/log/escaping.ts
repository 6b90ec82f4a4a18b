/** Texts of strangers, made fit for a line of the log or the message of an error. */

/** As much of a stranger's text as is shown. */
export const LONGEST_SHOWN = 200;

const UNPRINTABLE = /[^\x20-\x7e]/;

/** All that moves the cursor, turns the direction of writing, breaks a line or is half a character. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** A text that a stranger may have written: in printable ASCII, and cut behind `longest` characters. */
export function shown(text: string, longest: number = LONGEST_SHOWN): string {
  const rest = text.length - longest;
  const cut = rest > 0 ? text.slice(0, longest) : text;
  if (!UNPRINTABLE.test(cut)) return rest > 0 ? `${cut}...` : cut;
  let escaped = "";
  for (let i = 0; i < cut.length; i++) {
    const code = cut.charCodeAt(i);
    const sign = code >= 0x20 && code <= 0x7e ? cut[i]! : escapeOf(code);
    if (escaped.length + sign.length > longest) return `${escaped}...`;
    escaped += sign;
  }
  return rest > 0 ? `${escaped}...` : escaped;
}

/** A text of the program or the library: what could forge a line is escaped, letters of all languages stay. */
export function harmless(text: string, longest: number): string {
  const cut = text.length > longest ? `${text.slice(0, longest)}...` : text;
  if (!UNSAFE.test(cut)) return cut;
  let escaped = "";
  for (const sign of cut) {
    escaped += UNSAFE.test(sign) ? escapeOf(sign.codePointAt(0)!) : sign;
  }
  return escaped;
}

/**
 * A text of the program's without what may be secret in it: keys, a URL's user and password, and what stands
 * behind a question mark.
 */
export function discreet(text: string): string {
  if (text.includes("-----BEGIN")) return "... in PEM";
  const query = text.indexOf("?");
  const login = text.lastIndexOf("@");
  const [scheme = ""] = /^[^/?@]*\/\//.exec(text) ?? [];
  // Either may have the sign of the other in it.
  if (query >= 0 && query < login) return `${scheme}...`;
  const rest = text.slice(0, query < 0 ? undefined : query);
  return (login < 0 ? rest : `${scheme}...${rest.slice(login)}`) + (query < 0 ? "" : "?...");
}

function escapeOf(code: number): string {
  if (code === 0x0a) return "\\n";
  if (code === 0x0d) return "\\r";
  if (code === 0x09) return "\\t";
  const hex = code.toString(16);
  return code > 0xffff ? `\\u{${hex}}` : `\\u${hex.padStart(4, "0")}`;
}
