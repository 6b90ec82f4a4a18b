/** The names under which a topic stands in Redis. All of one topic have one hash tag, and so are of one slot. */

/** Names of one prefix. */
export class Keys {
  readonly #front: string;
  readonly #channelEnd: string;

  /** @param database channels know none: their names tell those of several apart */
  constructor(prefix: string, database: number) {
    this.#front = `{${prefix}:`;
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

  channel(topic: string): string {
    return `${this.#front}${escaped(topic)}${this.#channelEnd}`;
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
