/** How messages and payloads are shown. */

/** What a terminal would obey, but for tabs and line ends. */
// deno-lint-ignore no-control-regex -- they are what is looked for
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

const decoder = new TextDecoder();

/** A text on a terminal: what a peer sends must not move its cursor or change its title. */
export function harmless(text: string): string {
  return text.replace(CONTROLS, (control) => {
    const code = control.charCodeAt(0);
    return `\\x${code.toString(16).padStart(2, "0")}`;
  });
}

/** The payload of a ping or a pong, behind a colon, or nothing when it is empty. */
export function payloadOf(payload: Uint8Array): string {
  return payload.length === 0 ? "" : `: ${harmless(decoder.decode(payload))}`;
}

/** The time of day, to the millisecond. */
export function timeOf(date: Date): string {
  return date.toISOString().slice(11, 23);
}
