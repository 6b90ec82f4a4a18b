/** All attacks. */

import type { Attack } from "../wire.ts";
import { FRAMES } from "./frames.ts";
import { HTTP } from "./http.ts";
import { TRANSPORT } from "./transport.ts";

export const ATTACKS: readonly Attack[] = [...TRANSPORT, ...HTTP, ...FRAMES];
