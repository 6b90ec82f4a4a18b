/** The versions of the protocol that were spoken on the wire, from the first drafts to RFC 6455. */

/**
 * A version of the protocol: 13 is RFC 6455. 4 to 8 are draft-ietf-hybi-thewebsocketprotocol of that number, 0 is
 * its draft 00, which is draft-hixie-thewebsocketprotocol-76, and `"hixie-75"` the one before. They differ in
 * their handshakes and in their frames; versions 7 and 8 have the frames of RFC 6455.
 *
 * @category Server and client
 */
export type WireVersion = 0 | 4 | 5 | 6 | 7 | 8 | 13 | "hixie-75";

/** All versions, the oldest first. */
export const WIRE_VERSIONS: readonly WireVersion[] = ["hixie-75", 0, 4, 5, 6, 7, 8, 13];

/**
 * What clients of version 4 mask their frames with. `"draft"`: a key for each frame, made of the connection's
 * key and four bytes in front of the frame, as the draft says. `"libwebsockets"`: the connection's key alone,
 * as libwebsockets of 2011 and 2012 did on both sides.
 *
 * @category Server and client
 */
export type Draft04Masking = "draft" | "libwebsockets";

/** Both, the default first. */
export const DRAFT_04_MASKINGS: readonly Draft04Masking[] = ["draft", "libwebsockets"];
