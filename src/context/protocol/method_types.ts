/** The methods of a protocol, one a reason, and what each may return. */

import type { Reason, ReasonData, UserOf, UserReason } from "../../api/reasons.ts";
import type { Position } from "../../api/topics/topics.ts";
import type { Wsi } from "../../api/wsi.ts";

/**
 * Reasons in which 1 counts in {@linkcode handlers}: it says no, or closes once what was written has left.
 * They are the filters, whatever else asks for a yes, as `clientRetry`, and those of HTTP, in which
 * `httpTransactionCompleted` gives a 1 to be returned.
 *
 * @category Protocols
 */
export type VerdictReason =
  | "filterNetworkConnection"
  | "filterHttpConnection"
  | "filterProtocolConnection"
  | "clientFilterPreEstablish"
  | "clientRetry"
  | "confirmExtensionOkay"
  | "clientConfirmExtensionSupported"
  | "opensslPerformClientCertVerification"
  | "opensslContextRequiresPrivateKey"
  | "http"
  | "httpBody"
  | "httpBodyCompletion"
  | "httpWriteable"
  | "httpFileCompletion";

/**
 * What the method for a reason may return: nothing or 0 to go on, −1 to close the connection, and 1 in
 * filters and the reasons of HTTP. Where a promise is awaited its value counts as if it was returned;
 * elsewhere a promise counts as 0, with a `warn` line in the log if it was of anything else
 * than what `subscribe` and `publish` tell: `(wsi) => wsi.subscribe("news")` is a whole method. A promise that is
 * rejected is a throw. See {@linkcode Protocol.callback}.
 *
 * An async method whose only result is a number needs `return -1 as const`, as the compiler takes it for any
 * number otherwise; beside another `return`, or none at its end, it sees the −1.
 *
 * @category Protocols
 */
export type HandlerResult<R extends Reason | "message"> = R extends VerdictReason
  ? void | 0 | -1 | 1 | Promise<void | 0 | -1 | 1>
  : void | 0 | -1 | Promise<void | 0 | -1 | Position>;

/**
 * One method a reason, each with the reason's name; see {@linkcode ReasonData}. A reason without a
 * method is left alone, but for `http`: without it every request is answered 404.
 *
 * A method returns nothing or 0, or −1 to close the connection whatever the reason. 1 counts in filters
 * and in the reasons of HTTP alone, where `return wsi.httpTransactionCompleted()` gives one; elsewhere it is
 * ignored as any other value is, with a `warn` line in the log. A length that a
 * `(wsi) => wsi.write("welcome")` returns is such a value, and the compiler says so.
 *
 * @category Protocols
 */
export type Handlers<User> =
  & {
    readonly [R in keyof ReasonData]?: (
      wsi: Wsi<User>,
      user: UserOf<R, User>,
      data: ReasonData[R],
    ) => HandlerResult<R>;
  }
  & {
    /**
     * Whole messages, on servers and clients: a string for text, a `Uint8Array` of its own for
     * binary. Messages above `maxMessageSize` close the connection with 1009. Takes the place of
     * `receive` and `clientReceive`. −1 closes.
     */
    readonly message?: (
      wsi: Wsi<User>,
      user: User,
      message: string | Uint8Array,
    ) => HandlerResult<"message">;
    /** Reasons of the program's own, by `context.callbackAllProtocol`. */
    readonly [reason: `user:${string}`]: (
      wsi: Wsi<User>,
      user: User,
      data: undefined,
    ) => HandlerResult<UserReason>;
  };
