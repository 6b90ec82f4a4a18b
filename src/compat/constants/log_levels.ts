/** `enum lws_log_levels`. */

/** What failed. */
export const LLL_ERR = 1;
/** What went wrong and was dealt with. */
export const LLL_WARN = 2;
/** What is worth knowing. */
export const LLL_NOTICE = 4;
/** What happens. */
export const LLL_INFO = 8;
/** What only a developer wants to know. */
export const LLL_DEBUG = 16;
/** How bytes are parsed. */
export const LLL_PARSER = 32;
/** How headers are read. */
export const LLL_HEADER = 64;
/** What extensions do. */
export const LLL_EXT = 128;
/** What client connections do. */
export const LLL_CLIENT = 256;
/** How long things take. */
export const LLL_LATENCY = 512;
