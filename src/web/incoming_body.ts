/** The body of a request as a stream of the web's, which takes what comes only when it is read. */

/** Where the pieces come from. Implemented by the body of a connection's request. */
export interface BodySource {
  /** The next piece may come. */
  want(): void;
}

/** What is filled from a connection. */
export class IncomingBody {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  #controller!: ReadableByteStreamController;
  #isOver = false;
  #isGathered = false;
  #gathered = 0;

  constructor(source: BodySource) {
    // Without a queue: what is not read stays with the peer.
    this.stream = new ReadableStream({
      type: "bytes",
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => source.want(),
      cancel: () => {
        this.#isOver = true;
      },
    }, { highWaterMark: 0 });
  }

  /** A piece, which is the stream's from now on; one that a program has cancelled meanwhile is gone. */
  take(piece: Uint8Array<ArrayBuffer>): void {
    if (this.#isOver) return;
    if (this.#isGathered) this.#gathered += piece.length;
    this.#controller.enqueue(piece);
  }

  /** The program wants all of it in one piece: what comes is kept until then, by the runtime. */
  gather(): void {
    this.#isGathered = true;
  }

  /** Bytes that are kept until all has come. */
  get held(): number {
    return this.#isOver ? 0 : this.#gathered;
  }

  /** All has come. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    try {
      this.#controller.close();
      // One that reads into a buffer of its own waits for this.
      this.#controller.byobRequest?.respond(0);
    } catch {
      // Elements of more bytes than are left have broken the stream, which tells its reader.
    }
  }

  /** No more comes. */
  fail(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#controller.error(error);
  }
}
