/** What a generation of the C library is to the code that all of them share. */

import type { WireVersion } from "../../api/creation/wire_info.ts";
import type { ReasonData } from "../../api/reasons.ts";
import type { WriteKind } from "../../api/write.ts";
import type { Wsi } from "../../api/wsi.ts";
import * as newest from "../constants/dec15.ts";
import { camelCase, type Constants, type NameTable, tableOf } from "./names.ts";
import type { ClientVersion } from "./versions.ts";
import { HEADER_TOKENS } from "../../core/http/header_tokens.ts";

/** The arguments of a C callback behind the reason. */
export type Given = readonly [user: unknown, data: unknown, len: number];

/** Where a reason's data goes; `user` is null where there is none. */
export type Placements = {
  readonly [R in keyof ReasonData]?: (user: unknown, data: ReasonData[R], wsi: Wsi) => Given;
};

/** What a callback's return value does. */
export type Verdict = "ignored" | "negativeCloses" | "nonZeroCloses";

/** The verdicts of reasons, where they differ from the main API's. */
export type Verdicts = { readonly [R in keyof ReasonData]?: Verdict };

/** A C callback; the order of its arguments is the generation's. */
// deno-lint-ignore ban-types -- only `call` of the same generation knows the type
export type AnyCallback = Function;

/** What makes a generation differ from the others. */
export interface Traits {
  /** Its name in this package, such as `feb11`. */
  readonly name: string;
  /** Its constants, by their C names. */
  readonly constants: Constants;
  /** Calls one of its callbacks. */
  readonly call: (callback: AnyCallback, wsi: Wsi, reason: number, given: Given) => unknown;
  /** Where data goes, when not where the newest generation has it. */
  readonly placements?: Placements;
  /** What return values do, when not what {@linkcode Traits.otherwise} says. */
  readonly verdicts?: Verdicts;
  /** What the return values of all other reasons do. @default as in the main API */
  readonly otherwise?: Verdict;
  /** Whether frames without payload are kept from the program. */
  readonly swallowsEmptyFrames?: boolean;
  /** The `port` that means not to listen. */
  readonly noListenPort?: number;
  /** What creation writes into the structs it is given. */
  readonly fillsIn: "nothing" | "port" | "index" | "broadcast";
  /**
   * Whether a server refuses clients that name no protocol, unless the first one has no name
   * either, and a client servers that choose none of those asked for.
   */
  readonly needsProtocolName?: boolean;
  /** Whether a failed connection is told to the first protocol that was asked for. */
  readonly errorsGoToAskedProtocol?: boolean;
  /** How WebSockets end with their context. */
  readonly destroys: "withEmptyClose" | "goingAway" | "cut";
  /** What a successful write returns. */
  readonly writeReturns: "zero" | "length";
  /** The kinds that may have no payload. */
  readonly emptyWrites: readonly WriteKind[];
  /**
   * Whether an answer that the program writes, its head included, is complete as soon as it is whole, as
   * there is no call that would say so.
   */
  readonly completesWholeAnswers?: boolean;
  /** What goes in front of the `origin` argument of a client. */
  readonly originPrefix?: string;
  /** The versions of the protocol that its servers speak, unless they are told otherwise; the newest first. */
  readonly versions: readonly WireVersion[];
  /** The versions that its clients can ask for, beside −1, which is the newest. */
  readonly clientVersions: readonly ClientVersion[];
}

/** A generation: its traits, and the tables that follow from its constants. */
export interface Generation extends Traits {
  readonly reasons: NameTable;
  readonly writeKinds: NameTable;
  readonly options: NameTable;
  readonly timeouts: NameTable;
  readonly tokens: NameTable;
  readonly logLevels: NameTable;
  readonly extensionReasons: NameTable;
}

/** Completes the traits of a generation. */
export function defineGeneration(traits: Traits): Generation {
  const { constants } = traits;
  return {
    ...traits,
    reasons: tableOf(constants, /^LWS_CALLBACK_/),
    writeKinds: tableOf(constants, /^LWS_WRITE_/),
    options: tableOf(
      constants,
      /^LWS_SERVER_OPTION_/,
      (rest) => camelCase(rest.replace("OPENSSL_", "")),
    ),
    timeouts: tableOf(
      constants,
      /^PENDING_TIMEOUT_|^PENDING_(?=FLUSH)|^(?=NO_PENDING_TIMEOUT$)/,
    ),
    tokens: tableOf(constants, /^WSI_TOKEN_/, headerToken),
    logLevels: tableOf(constants, /^LLL_/),
    extensionReasons: tableOf(constants, /^LWS_EXT_CALLBACK_/),
  };
}

/** A token of any generation, by its C name; the newest one has the numbers of the main API. */
function headerToken(rest: string): string | undefined {
  const number = (newest as Constants)[`WSI_TOKEN_${rest}`];
  return rest === "COUNT" ? undefined : HEADER_TOKENS[number as number];
}
