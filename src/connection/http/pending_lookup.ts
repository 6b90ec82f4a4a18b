/** What stands where a transfer will be, while a mount is asked for its file. */

import type { FileTransfer } from "../../files/engine.ts";

/** A listing is being made; nothing is sent yet. */
export class Lookup implements FileTransfer {
  isAbandoned = false;

  onDrain(): void {
    // What left was another response's.
  }

  abandon(): void {
    this.isAbandoned = true;
  }
}
