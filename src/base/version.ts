/** The version of this library. Written by `tools/version.ts`; the hash only where it is published. */

/**
 * The version and, behind a blank, the hash of the commit that was published; `unknown-build-hash`
 * in a working copy (`lws_get_library_version`).
 *
 * @category Server and client
 */
export const libraryVersion: string = "0.1.0 unknown-build-hash";
