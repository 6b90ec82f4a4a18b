/**
 * Which of RFC 6455's rules are tested in the versions before it. Those for endpoints are, on both sides, in
 * versions 4, 5, 6 and 8, which stands for 7 as well; of the two oldest, which have text alone, those that are about text.
 */

import type { WireVersion } from "../../mod.ts";

/** A rule that is not tested in some of the versions 4, 5, 6 and 8. */
export interface LeftOutRule {
  readonly versions: readonly WireVersion[];
  readonly section: string;
  readonly sentence: string;
  readonly why: string;
}

/** The versions, a section and its rule, and below why. */
export const LEFT_OUT: readonly LeftOutRule[] = `
4 5.2 frames in the packet of the handshake are not lost
  a client masks with what the server's answer has
4 5 6 5.2 a length in more bytes than the fewest fails with 1002
  the drafts allow it
4 5 6 5.2 no length in too many bytes is taken, by its header alone
  the drafts allow it
4 5 6 5.2 the length of what is sent takes the fewest bytes that hold it
  tested of every frame that the peer of a rule reads
4 5 6 8 5.4 messages of up to 16 MiB come in fragments of any size
  takes long; shorter ones are tested
4 5 6 8 5.4 a message of 64 MiB comes in fragments when the limits allow it
  takes long; shorter ones are tested
4 5 6 8 5.4 a message of 16 MiB can be sent, whole or in fragments
  takes long; shorter ones are tested
4 5 6 8 5.4 as many fragments as are allowed make one message
  takes long; that more are too many is tested
4 5 5.5.1 a close frame that is sent has its code in network byte order
  no codes
4 5 5.5.1 a close frame with half a code fails with 1002
  no codes
4 5 5.5.1 a close frame is answered with one that echoes its code and reason
  no codes
4 5 7.1.5 the close code is that of the first close frame received
  no codes
4 5 7.1.6 the close reason is what stands behind the first code
  no codes
4 5 7.4.1 1005, 1006 and 1015 in a close frame fail with 1002
  no codes
4 5 6 8 7.4.2 of all codes those of the ranges in use are answered
  takes long; version 8 has the close frames of RFC 6455, 6 but for one code, 4 and 5 no codes
4 5 8.1 a close reason that is not UTF-8 fails with 1007
  no codes
6 8 8.1 a close reason that is not UTF-8 fails with 1007
  takes long; 13 has the close frames of 8, and 6 but for one code
5 8 5.4 fragments are put together whatever reads they come in
  takes long; 13 has the frames of 8, and 6 those of 5
5 8 5.4 pieces of every size put frames together
  takes long; 13 has the frames of 8, and 6 those of 5
5 8 5.5 a control frame of more than 125 bytes fails with 1002
  takes long; 13 has the frames of 8, and 6 those of 5
5 8 5.5.1 nothing is read behind a close frame, whatever it is
  takes long; 13 has the frames of 8, and 6 those of 5
5 6 8 8.1 every ill-formed class of text fails the connection with 1007
  takes long; the frames of 13 and 4 stand for theirs, and their text is judged by the same code
5 6 8 8.1 ill-formed text fails at every split over reads
  takes long; the frames of 13 and 4 stand for theirs, and their text is judged by the same code
5 6 8 8.1 ill-formed text fails at every split over fragments
  takes long; the frames of 13 and 4 stand for theirs, and their text is judged by the same code
5 6 8 8.1 text fails at its first bad byte, before its frame is whole
  takes long; the frames of 13 and 4 stand for theirs, and their text is judged by the same code
4 10.7 invalid data behind the handshake is answered with a close frame
  a hash with the connection's random nonce makes any frame of it at all
5 8 10.4 a frame beyond maxFramePayload fails with 1009 by its header
  takes long; 13 has the frames of 8, and 6 those of 5
`.trim().split(/\n(?=\d)/).map((each) => {
  const [, versions, section, sentence, why] = /^((?:\d )+)(\d+(?:\.\d+)+) (.+)\n {2}(.+)$/
    .exec(each)!;
  return {
    versions: versions!.trim().split(" ").map(Number) as WireVersion[],
    section: section!,
    sentence: sentence!,
    why: why!,
  };
});

/** What is tested in versions 0 and hixie-75: a section and its rule. */
export const OF_TEXT: readonly string[] = `
5.4 fragments in order are one message, wherever it is cut
5.6 text is delivered as the characters that it encodes
5.6 reads may end inside a character
5.6 pieces of a frame may end inside a character
5.6 text from a string is UTF-8, even from half a surrogate pair
6.2 a message is received when its last fragment is, not before
6.2 many frames in one read are all received
7.1.7 one connection's failure leaves all others as they were
8.1 every ill-formed class of text fails the connection with 1007
8.1 text that ends inside a character fails with 1007
8.1 ill-formed text fails at every split over reads
8.1 text fails at its first bad byte, before its frame is whole
8.1 text fails in the fragment that is bad, not in the last one
`.trim().split("\n");

/** Whether a rule for endpoints is tested in a version. */
export function isTestedIn(version: WireVersion, section: string, sentence: string): boolean {
  if (version === 0 || version === "hixie-75") return OF_TEXT.includes(`${section} ${sentence}`);
  return !LEFT_OUT.some((each) =>
    each.section === section && each.sentence === sentence && each.versions.includes(version)
  );
}
