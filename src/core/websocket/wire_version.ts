/** The versions of the protocol that were spoken on the wire, from the first drafts to RFC 6455. */

export type WireVersion = 0 | 4 | 5 | 6 | 7 | 8 | 13 | "hixie-75";
