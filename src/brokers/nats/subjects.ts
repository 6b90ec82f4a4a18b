/** How topics are named in NATS: one name is one token of a subject, so that none is a pattern. */

/** What parts or stands for tokens, blanks and controls, and the sign that writes them down. */
// deno-lint-ignore no-control-regex -- a control in a subject would end the line that it stands on
const SPECIAL = /[\x00-\x20\x7f%*.>]/g;

/** The name as one token. Two names never become the same one. */
export function tokenOf(name: string): string {
  return name.replace(SPECIAL, escaped);
}

function escaped(sign: string): string {
  return `%${sign.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

/** The name that a token was made of. */
export function nameOf(token: string): string {
  return token.replace(/%([0-9a-f]{2})/g, (_, code) => String.fromCharCode(parseInt(code, 16)));
}

/** The subjects and streams of one prefix. */
export class Layout {
  readonly prefix: string;
  readonly #shards: number;

  constructor(prefix: string, shards: number) {
    this.prefix = prefix;
    this.#shards = shards;
  }

  /** Which of the streams keeps a topic. */
  shardOf(token: string): number {
    return this.#shards === 1 ? 0 : hashOf(token) % this.#shards;
  }

  /** The stream of a shard. */
  stream(shard: number): string {
    return `${this.prefix}_${shard}`;
  }

  /** Where publications that are kept go in. */
  kept(shard: number, token: string): string {
    return `${this.prefix}.${shard}.in.${token}`;
  }

  /** Where all publications come out. */
  live(token: string): string {
    return `${this.prefix}.live.${token}`;
  }

  /** The stream that knows the ids of publications which are not kept. */
  get onceStream(): string {
    return `${this.prefix}_once`;
  }

  once(token: string): string {
    return `${this.prefix}.once.${token}`;
  }

  /** The stream of all that are in topics, and of the leases of contexts. */
  get presenceStream(): string {
    return `${this.prefix}_presence`;
  }

  /** Of no use but for the time when it was stored. */
  get time(): string {
    return `${this.prefix}.time`;
  }

  lease(node: string): string {
    return `${this.prefix}.lease.${node}`;
  }

  member(node: string, token: string, id: string): string {
    return `${this.prefix}.member.${node}.${token}.${id}`;
  }
}

/** FNV-1a, of 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}
