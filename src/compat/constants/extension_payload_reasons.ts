/** The reasons of extension callbacks since 2013. */

export * from "./extension_reasons.ts";

/** Payload is about to be framed; `in` is an `lws_tokens`. */
export const LWS_EXT_CALLBACK_PAYLOAD_TX = 21;
/** Payload was unframed; `in` is an `lws_tokens`. */
export const LWS_EXT_CALLBACK_PAYLOAD_RX = 22;
