/** What RFC 6455 demands in the sections of the table and no test here holds the module to, and why not. */

export interface UntestedRule {
  readonly section: string;
  readonly rule: string;
  readonly why: string;
}

/** A section and its rule, and below why. */
export const UNTESTED: readonly UntestedRule[] = `
4.1 a client has no more than one connection to a server in the state CONNECTING
  not kept: connects are not put into a row
4.1 a URI for proxy autoconfiguration scripts is made of the same components
  such scripts are not run
4.1 a browser's request has an Origin
  the module is no browser; what the program gives is sent
5.2 an extension specifies the length of its Extension data, and how it is negotiated
  a demand on those who write extensions
5.4 an intermediary does not change fragments that it does not understand
  the module is no intermediary
5.5.1 a client does not show the reason of a close to end users
  the program's choice
5.6 a text message contains valid UTF-8 when it is sent
  tested of strings; bytes that the program calls text are sent as they are
9.1 a token of an extension is registered, and its parameters are defined for it
  a demand on those who write extensions
10.1 a server does not rely on what only browsers promise
  the program's choice; an Origin is checked for browsers' sake, and others may leave it out
10.6 cipher suites are strong ones
  the runtime's own; it has no others
10.8 SHA-1 protects nothing but the handshake from mistakes
  nothing to be tested
`.trim().split(/\n(?=\d)/).map((each) => {
  const [, section, rule, why] = /^(\S+) (.+)\n {2}(.+)$/.exec(each)!;
  return { section: section!, rule: rule!, why: why! };
});
