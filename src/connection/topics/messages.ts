/** What is published as messages, and what a protocol makes of it for its connections. */

import type { Protocol } from "../../api/protocol.ts";
import type { Publication } from "../../api/topics/topics.ts";
import { disregard } from "../../base/callback_results.ts";
import { line, log, own, thrown } from "../../base/log.ts";
import { isUtf8 } from "../../core/websocket/utf8.ts";
import { Framed, framed } from "../prepared_message.ts";
import type { Messages } from "../../topics/subscriber.ts";

/** A protocol of a context. Implemented by ProtocolEntry. */
interface Encoder {
  readonly protocol: Protocol;
}

/** The messages of a context. */
export class FramedMessages implements Messages<Framed> {
  readonly hasEncoders: boolean;

  constructor(protocols: readonly Protocol[]) {
    this.hasEncoders = protocols.some(({ encode }) => encode !== undefined);
  }

  of(data: Uint8Array, isBinary: boolean): Framed {
    // Of a broker it may be another program's: a text that is none would have each peer close its connection.
    return new Framed(isBinary || !isUtf8(data) ? "binary" : "text", data);
  }

  encode(encoder: object, publication: Publication): Framed | undefined {
    const { protocol } = encoder as Encoder;
    try {
      const encoded = protocol.encode?.(publication);
      if (encoded === undefined) return undefined;
      // A promise is refused, and may be rejected all the same.
      disregard(encoded, `${protocol.name}: encode`);
      return framed(`${protocol.name}: encode`, encoded);
    } catch (error) {
      log("err", () => line`${own(protocol.name)}: encode threw: ${thrown(error)}`);
      return undefined;
    }
  }
}
