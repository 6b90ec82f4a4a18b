/** A handshake of a server that waits for the program's verdict, as the program has it. */

import type { HandshakeFilter } from "../../api/reasons.ts";
import { describeValue } from "../../base/check.ts";
import { LwsError } from "../../base/errors.ts";
import { checkHandshakeField } from "../../core/websocket/handshake/fields.ts";

/** What the program adds to the 101. */
export class UpgradeFilter implements HandshakeFilter {
  readonly fields: [string, string][] = [];
  /** Whether the verdict is there, behind which nothing is added any more. */
  isSettled = false;
  readonly #offered: readonly string[];
  #chosen: string | undefined;

  /** @param chosen what the answer names unless the program says otherwise */
  constructor(offered: readonly string[], chosen: string | undefined) {
    this.#offered = offered;
    this.#chosen = chosen;
  }

  get chosen(): string | undefined {
    return this.#chosen;
  }

  get protocol(): string {
    return this.#chosen ?? "";
  }

  get protocols(): readonly string[] {
    return Object.freeze(this.#offered);
  }

  choose(protocol: string): void {
    this.#mustWait("choose");
    checkOffered("choose", protocol, this.#offered);
    this.#chosen = protocol;
  }

  add(name: string, value: string): void {
    this.#mustWait("add");
    checkHandshakeField(name, value);
    this.fields.push([name, value]);
  }

  #mustWait(call: string): void {
    if (!this.isSettled) return;
    throw new LwsError("invalid-state", `${call}: the handshake is decided already`);
  }
}

/** @throws {LwsError} `invalid-argument` for a subprotocol that the client does not offer */
export function checkOffered(call: string, protocol: string, offered: readonly string[]): void {
  if (offered.includes(protocol)) return;
  const allowed = offered.length === 0
    ? "none, as the client offers none"
    : `one that the client offers: ${offered.join(", ")}`;
  throw new LwsError(
    "invalid-argument",
    `${call}: protocol is ${describeValue(protocol)}; allowed: ${allowed}`,
  );
}
