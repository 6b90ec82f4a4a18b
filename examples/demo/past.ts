/** What was drawn so far, for visitors that come later. */

const LONGEST_PACKET = 4096;
/** So many packets at most, 256 KiB: past them the oldest strokes fade. */
const MOST_PACKETS = 64;

/** The strokes since the sheet was clear, in as few packets as they fit. */
export class Past {
  #packets: string[] = [];

  /** Appends a packet of at most 4096 characters, or forgets all when it is `clear;`. */
  add(packet: string): void {
    if (packet === "clear;") {
      this.#packets = [];
      return;
    }
    const text = packet.endsWith(";") ? packet : `${packet};`;
    const last = this.#packets.at(-1);
    if (last !== undefined && last.length + text.length <= LONGEST_PACKET) {
      this.#packets[this.#packets.length - 1] = last + text;
      return;
    }
    this.#packets.push(text);
    if (this.#packets.length > MOST_PACKETS) this.#packets.shift();
  }

  /** A copy of them, the oldest first. */
  packets(): string[] {
    return [...this.#packets];
  }
}
