/** Where `LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER` appends. */

import type { HeaderAppender } from "../../api/reasons.ts";
import { LwsError } from "../../base/errors.ts";

/** How much may be appended; C had "some hundreds of bytes" left. */
export const HANDSHAKE_ROOM = 1024;

/** Takes more lines of a client's handshake; in C a pointer to where they go. */
export class HandshakeLines {
  readonly #fields: HeaderAppender;
  #room = HANDSHAKE_ROOM;

  /** The library makes these. */
  constructor(fields: HeaderAppender) {
    this.#fields = fields;
  }

  /** How many characters more may be appended. */
  get room(): number {
    return this.#room;
  }

  /**
   * Appends whole lines, each with its CR LF, as `*p += sprintf(*p, …)` did.
   *
   * @returns How many characters were appended.
   * @throws {LwsError} `invalid-argument` when there is no room, a line is none, a name is no token, or the
   *   handshake itself sets the field.
   */
  append(lines: string): number {
    if (lines.length > this.#room) refuse(`${lines.length} characters don't fit in ${this.#room}`);
    if (!lines.endsWith("\r\n")) refuse("a line has no CR LF at its end");
    for (const line of lines.slice(0, -2).split("\r\n")) {
      const colon = line.indexOf(":");
      if (colon === -1) refuse(`there is no colon in a line of ${line.length} characters`);
      this.#fields.add(line.slice(0, colon), line.slice(colon + 1).trim());
    }
    this.#room -= lines.length;
    return lines.length;
  }
}

function refuse(why: string): never {
  throw new LwsError("invalid-argument", `handshake lines: ${why}`);
}
