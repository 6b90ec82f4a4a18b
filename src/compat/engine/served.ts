/** What is kept of a context that a C call made. */

import type { Context } from "../../api/context.ts";
import type { Draft04Masking } from "../../api/creation/wire_info.ts";
import type { Wsi } from "../../api/wsi.ts";
import type { FileService } from "../calls/files/file_service.ts";
import type { AnyCallback, Generation } from "./generation.ts";
import type { FilledIn, ProtocolStruct } from "./structs.ts";

/** A protocol struct of any generation. */
export type AnyProtocolStruct =
  & ProtocolStruct<AnyCallback>
  & FilledIn
  & { rx_buffer_size?: number; id?: number; user?: unknown };

/** A protocol in the main API's list stands under this name when the program gave it none. */
export const NAMELESS = "!nameless";

/** A context, with the structs that it was made of. */
export class Served {
  readonly generation: Generation;
  /** The structs, up to the one that ends the list, by each name that they have in the main API. */
  readonly structs: ReadonlyMap<string, AnyProtocolStruct>;
  /** The files that it serves. */
  readonly files: FileService;
  /** How its clients of version 4 mask. */
  readonly draft04Masking: Draft04Masking;
  /** The connections there are. */
  readonly connections = new Set<Wsi>();
  /** What clients asked for. */
  readonly asked = new WeakMap<Wsi, readonly string[]>();
  /** The `ssl_connection` of clients. */
  readonly sslAsked = new WeakMap<Wsi, number>();
  /** Called with the outcome of a client's handshake, by `lws_client_connect` calls that wait for it. */
  readonly outcomes = new Map<Wsi, (isEstablished: boolean) => void>();
  #context: Context | undefined;

  constructor(
    generation: Generation,
    structs: ReadonlyMap<string, AnyProtocolStruct>,
    files: FileService,
    draft04Masking: Draft04Masking,
  ) {
    this.generation = generation;
    this.structs = structs;
    this.files = files;
    this.draft04Masking = draft04Masking;
  }

  /** Called with the first callback at the latest: creation itself calls back. */
  bind(context: Context): void {
    if (this.#context === context) return;
    this.#context = context;
    served.set(context, this);
    if (!["index", "broadcast"].includes(this.generation.fillsIn)) return;
    let index = 0;
    for (const struct of new Set(this.structs.values())) {
      struct.owning_server = context;
      struct.protocol_index = index++;
    }
  }

  /** The first name in the main API of a struct. */
  nameOf(struct: unknown): string | undefined {
    return this.namesOf(struct)[0];
  }

  /** All names in the main API of a struct; none when it is none of these. */
  namesOf(struct: unknown): readonly string[] {
    return [...this.structs].filter(([, each]) => each === struct).map(([name]) => name);
  }

  /** The protocol of the first name that a client asked for, if it is one of these. */
  askedFirst(wsi: Wsi): AnyProtocolStruct | undefined {
    return this.structs.get(this.asked.get(wsi)?.[0] ?? "");
  }
}

const served = new WeakMap<Context, Served>();

/** What is kept of a context; undefined when the main API made it. */
export function servedOf(context: Context): Served | undefined {
  return served.get(context);
}
