/** What RFC 6455 demands in the sections of the table and no test here holds the module to, and why not. */

export interface UntestedRule {
  readonly section: string;
  readonly rule: string;
  readonly why: string;
}

export const UNTESTED: readonly UntestedRule[] = [
  {
    section: "4.1",
    rule: "a client has no more than one connection to a server in the state CONNECTING",
    why: "not kept: connects are not put into a row",
  },
  {
    section: "4.1",
    rule: "a URI for proxy autoconfiguration scripts is made of the same components",
    why: "such scripts are not run",
  },
  {
    section: "4.1",
    rule: "a browser's request has an Origin",
    why: "the module is no browser; what the program gives is sent",
  },
  {
    section: "5.2",
    rule: "an extension specifies the length of its Extension data, and how it is negotiated",
    why: "a demand on those who write extensions",
  },
  {
    section: "5.4",
    rule: "an intermediary does not change fragments that it does not understand",
    why: "the module is no intermediary",
  },
  {
    section: "5.5.1",
    rule: "a client does not show the reason of a close to end users",
    why: "the program's choice",
  },
  {
    section: "5.6",
    rule: "a text message contains valid UTF-8 when it is sent",
    why: "tested of strings; bytes that the program calls text are sent as they are",
  },
  {
    section: "9.1",
    rule: "a token of an extension is registered, and its parameters are defined for it",
    why: "a demand on those who write extensions",
  },
  {
    section: "10.1",
    rule: "a server does not rely on what only browsers promise",
    why:
      "the program's choice; an Origin is checked for browsers' sake, and others may leave it out",
  },
  {
    section: "10.6",
    rule: "cipher suites are strong ones",
    why: "the runtime's own; it has no others",
  },
  {
    section: "10.8",
    rule: "SHA-1 protects nothing but the handshake from mistakes",
    why: "nothing to be tested",
  },
];
