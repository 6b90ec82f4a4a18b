/** The names under which a topic stands in Redis. All of one topic have one hash tag, and so are of one slot. */

/** Names of one prefix. */
export class Keys {
  readonly #front: string;
  readonly #nodes: string;
  readonly #channelEnd: string;

  /** @param database channels know none: their names tell those of several apart */
  constructor(prefix: string, database: number) {
    this.#front = `{${prefix}:`;
    this.#nodes = `{${prefix}}`;
    this.#channelEnd = database === 0 ? "}:c" : `}:c${database}`;
  }

  /** The hash that says where the topic stands. */
  meta(topic: string): string {
    return `${this.#front}${escaped(topic)}}:m`;
  }

  /** The stream of what is kept. */
  stream(topic: string): string {
    return `${this.#front}${escaped(topic)}}:s`;
  }

  /** The result of a publication with an id. */
  result(topic: string, id: string): string {
    return `${this.#front}${escaped(topic)}}:i:${id}`;
  }

  /** The hash of the connections that are in the topic. */
  members(topic: string): string {
    return `${this.#front}${escaped(topic)}}:p`;
  }

  channel(topic: string): string {
    return `${this.#front}${escaped(topic)}${this.#channelEnd}`;
  }

  // What is of no topic is of one slot, too.

  /** The sorted set of nodes, by the end of their leases. */
  get leases(): string {
    return `${this.#nodes}:nodes`;
  }

  /** The one of nodes whose lease has ended. */
  get ended(): string {
    return `${this.#nodes}:ended`;
  }

  /** The set of topics in which a node has members. */
  topicsOf(node: string): string {
    return `${this.#nodes}:node:${node}`;
  }

  /** The topic of a channel of these. */
  topicOf(channel: string): string {
    const name = channel.slice(this.#front.length, -this.#channelEnd.length);
    return name.includes("%") ? name.replaceAll("%7D", "}").replaceAll("%25", "%") : name;
  }
}

/** The first } ends the hash tag, and the name of the topic. */
function escaped(topic: string): string {
  return /[%}]/.test(topic) ? topic.replaceAll("%", "%25").replaceAll("}", "%7D") : topic;
}
