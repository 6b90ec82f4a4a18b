/** A response as the engine of files needs it, on a connection. */

import type { Connection } from "./connection.ts";
import type { FieldLine } from "./core/response_writer.ts";
import type { FileFailure, FileResponse } from "./files/engine.ts";
import { POLLOUT } from "./service/polling.ts";

/** The answering half that a file is a part of. Implemented by HttpResponse. */
export interface FileResponseHost {
  readonly method: string;
  requestField(name: string): string | undefined;
  /** Something of it waits to be sent. */
  onSend(): void;
  sendHead(status: number, fields: Iterable<FieldLine>): void;
  /** Nothing was sent, and the file can't be opened. */
  onFail(status: FileFailure): void;
  /** All of it has left. */
  onDone(): void;
}

/** What the engine writes goes out on `connection`. */
export class ConnectionFileResponse implements FileResponse {
  readonly #connection: Connection;
  readonly #host: FileResponseHost;

  constructor(connection: Connection, host: FileResponseHost) {
    this.#connection = connection;
    this.#host = host;
  }

  get wsi(): Connection {
    return this.#connection;
  }

  get method(): string {
    return this.#host.method;
  }

  get isOpen(): boolean {
    return this.#connection.isOpen;
  }

  requestField(name: string): string | undefined {
    return this.#host.requestField(name);
  }

  sendHead(status: number, fields: Iterable<FieldLine>): void {
    this.#host.sendHead(status, fields);
  }

  sendBody(bytes: Uint8Array): void {
    const connection = this.#connection;
    connection.tx.append(bytes);
    this.#host.onSend();
    connection.queued();
  }

  fail(status: FileFailure): void {
    this.#host.onFail(status);
  }

  complete(): void {
    this.#host.onDone();
  }

  abort(): void {
    this.#connection.cut("self");
  }

  arrived(work: () => void): void {
    const { owner, socketFd } = this.#connection;
    const service = () => this.#connection.turn(work);
    owner.scheduler.arrived({ socketFd, service }, POLLOUT);
  }
}
