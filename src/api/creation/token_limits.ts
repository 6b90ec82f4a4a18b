/** How much of each header programs get to see. */

import type { HeaderToken } from "../../core/http/header_tokens.ts";

/**
 * Characters of each header, by its token: a longer value is cut there, with a line in the log, and the
 * connection goes on. 0 empties the header. What has no entry is not limited. Values on the wire have
 * one byte a character; of `"uri args"` the decoded ones count (`struct lws_token_limits`).
 *
 * @category Server and client
 * @example
 * ```ts
 * import type { TokenLimits } from "@x/lws";
 *
 * const tokenLimits: TokenLimits = { "cookie": 4096, "user-agent": 256, "referer": 0 };
 * ```
 */
export type TokenLimits = Readonly<Partial<Record<HeaderToken, number>>>;
