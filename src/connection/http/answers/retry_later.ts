/** What a 503 says beside that it is one. */

import type { FieldLine } from "../../../core/http/writer.ts";

/** RFC 9110 section 10.2.3, in seconds: what is short may be there again in a moment. */
export const RETRY_LATER: readonly FieldLine[] = [["Retry-After", "1"]];
