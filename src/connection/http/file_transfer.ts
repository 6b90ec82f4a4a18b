/** A response as the engine of files needs it, on a connection. */

import { POLLOUT } from "../../api/service.ts";
import type { Wsi } from "../../api/wsi.ts";
import type { Connection } from "../connection.ts";
import type { FieldName } from "../../core/http/fields.ts";
import type { FieldLine } from "../../core/http/writer.ts";
import type { FileFailure, FileResponse } from "../../files/engine.ts";
import type { OpenFiles } from "../../files/open_files.ts";
import { waitForTurn } from "../../service/awaited_turn.ts";
import type { TurnBudget } from "../../service/turn_budget.ts";

/** The answering half that a file is a part of. Implemented by HttpResponse. */
export interface FileSink {
  readonly method: string;
  requestField(name: FieldName): string | undefined;
  sendHead(status: number, fields: Iterable<FieldLine>): void;
  sendBody(bytes: Uint8Array): void;
  /** Nothing was sent, and there is no file to answer with. */
  onFail(status: FileFailure, fields: readonly FieldLine[]): void;
  /** All of it has left. */
  onDone(): void;
}

/** What the engine writes goes out on `connection`. */
export class ConnectionFileResponse implements FileResponse {
  readonly #connection: Connection;
  readonly #sink: FileSink;

  constructor(connection: Connection, sink: FileSink) {
    this.#connection = connection;
    this.#sink = sink;
  }

  get wsi(): Wsi {
    return this.#connection.wsi;
  }

  get method(): string {
    return this.#sink.method;
  }

  get isOpen(): boolean {
    return this.#connection.isOpen;
  }

  get openFiles(): OpenFiles {
    return this.#connection.owner.openFiles;
  }

  get budget(): TurnBudget {
    return this.#connection.owner.budget;
  }

  requestField(name: FieldName): string | undefined {
    return this.#sink.requestField(name);
  }

  sendHead(status: number, fields: Iterable<FieldLine>): void {
    this.#sink.sendHead(status, fields);
  }

  sendBody(bytes: Uint8Array): void {
    this.#sink.sendBody(bytes);
  }

  fail(status: FileFailure, fields: readonly FieldLine[]): void {
    this.#sink.onFail(status, fields);
  }

  complete(): void {
    this.#sink.onDone();
  }

  abort(): void {
    this.#connection.abort("self");
  }

  inTurn(work: () => void): void {
    if (this.budget.mayGoOn()) work();
    else waitForTurn(this.#connection, work);
  }

  arrived(work: () => void): void {
    const { owner, socketFd } = this.#connection;
    const service = () => this.#connection.turn(work);
    owner.scheduler.arrived({ socketFd, service }, POLLOUT);
  }
}
