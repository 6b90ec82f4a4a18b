import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type ExtensionOffer,
  type ExtensionParam,
  parseExtensions,
} from "../../../src/core/websocket/extension_header.ts";
import {
  acceptOffer,
  checkAnswer,
  checkPermessageDeflateOptions,
  makeOffer,
  type PermessageDeflateOptions,
  type PermessageDeflateParams,
} from "../../../src/extensions/permessage_deflate_params.ts";

type CheckedOptions = Required<PermessageDeflateOptions>;

const DEFAULTS: CheckedOptions = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
  level: 1,
  memLevel: 8,
  threshold: 1024,
};
/** Options that ask the peer for nothing. */
const UNDEMANDING: CheckedOptions = {
  ...DEFAULTS,
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
};

const SERVER_TAKEOVER = "; server_no_context_takeover";
const CLIENT_TAKEOVER = "; client_no_context_takeover";
const serverBits = (bits: number | string) => `; server_max_window_bits=${bits}`;
const clientBits = (bits: number | string) => `; client_max_window_bits=${bits}`;

/** What an option of window bits may be. */
const OPTION_BITS = [9, 10, 11, 12, 13, 14, 15];
const BOTH = [false, true];

/** All options that are negotiated, with whether windows can be kept. */
function* allOptions(): Generator<[CheckedOptions, boolean]> {
  for (const serverNoContextTakeover of BOTH) {
    for (const clientNoContextTakeover of BOTH) {
      for (const serverMaxWindowBits of OPTION_BITS) {
        for (const clientMaxWindowBits of OPTION_BITS) {
          const options = {
            ...DEFAULTS,
            serverNoContextTakeover,
            clientNoContextTakeover,
            serverMaxWindowBits,
            clientMaxWindowBits,
          };
          yield [options, true];
          yield [options, false];
        }
      }
    }
  }
}

function parse(value: string): readonly ExtensionOffer[] {
  const offers = parseExtensions(value);
  assert(offers !== undefined, value);
  return offers;
}

function accept(value: string, options = UNDEMANDING, canTakeover = true): string | undefined {
  return acceptOffer(parse(value), options, canTakeover)?.answer;
}

function confirm(
  value: string,
  options = UNDEMANDING,
  canTakeover = true,
): PermessageDeflateParams {
  const [answer] = parse(value);
  return checkAnswer(answer!, options, canTakeover);
}

/** The same in one short text, which is compared much faster than an object. */
function summary(params: PermessageDeflateParams): string {
  const server = (params.serverNoContextTakeover ? "forgets " : "keeps ") +
    params.serverMaxWindowBits;
  const client = (params.clientNoContextTakeover ? "forgets " : "keeps ") +
    params.clientMaxWindowBits;
  return `server ${server}, client ${client}`;
}

function assertSame(actual: unknown, expected: unknown, ...context: unknown[]): void {
  if (actual !== expected) assertEquals(actual, expected, JSON.stringify(context));
}

/** The message of what a call throws; `undefined` when it throws nothing. */
function faultOf(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    assert(error instanceof Error && error.constructor === Error);
    return error.message;
  }
}

// Options

Deno.test("every option has its default, also when it is given as undefined", () => {
  assertEquals(checkPermessageDeflateOptions({}), DEFAULTS);
  const undefinedOnes = Object.fromEntries(Object.keys(DEFAULTS).map((key) => [key, undefined]));
  assertEquals(checkPermessageDeflateOptions(undefinedOnes as PermessageDeflateOptions), DEFAULTS);
});

Deno.test("checking options neither changes nor keeps them", () => {
  const options = Object.freeze({ level: 3 });
  const first = checkPermessageDeflateOptions(options);
  assertEquals(first, { ...DEFAULTS, level: 3 });
  (first as { level: number }).level = 9;
  assertEquals(checkPermessageDeflateOptions({}), DEFAULTS);
});

Deno.test("options are allowed up to their bounds and not past them", () => {
  const bits = "an integer from 9 to 15";
  const yesOrNo = "true or false";
  const table: [keyof PermessageDeflateOptions, unknown[], unknown[], string][] = [
    ["serverNoContextTakeover", [true, false], [0, 1, "true", null, {}, "", NaN], yesOrNo],
    ["clientNoContextTakeover", [true, false], [0, 1, "false", null, [], "", NaN], yesOrNo],
    ["serverMaxWindowBits", OPTION_BITS, [8, 16, 0, -9, 9.5, NaN, Infinity, "10", null, 10n], bits],
    [
      "clientMaxWindowBits",
      OPTION_BITS,
      [8, 16, 0, -9, 9.5, NaN, Infinity, "10", true, [10]],
      bits,
    ],
    ["level", [-1, 0, 1, 9], [-2, 10, 0.5, NaN, Infinity, "1", null], "an integer from -1 to 9"],
    ["memLevel", [1, 8, 9], [0, 10, -1, 1.5, NaN, Infinity, "8", {}], "an integer from 1 to 9"],
    [
      "threshold",
      [0, 1, 1024, 2 ** 53 - 1, Infinity],
      [-1, 0.5, NaN, -Infinity, "0", null, false, 1n, Symbol("s"), () => 0],
      "a whole number from 0 to Infinity",
    ],
  ];
  assertEquals(table.map(([name]) => name).sort(), Object.keys(DEFAULTS).sort());
  for (const [name, good, bad, allowed] of table) {
    for (const value of good) {
      const options = { [name]: value } as PermessageDeflateOptions;
      assertEquals(checkPermessageDeflateOptions(options), { ...DEFAULTS, ...options });
    }
    for (const value of bad) {
      const options = { [name]: value } as PermessageDeflateOptions;
      const { message } = assertThrows(() => checkPermessageDeflateOptions(options), RangeError);
      assert(message.includes(`${name} is `) && message.includes(`; allowed: ${allowed}`), message);
    }
  }
});

Deno.test("an error names every option that is wrong, its value and what is allowed", () => {
  const options = {
    level: 10,
    memLevel: "big",
    threshold: [],
    nothing: 1,
    serverMaxWindowBits: {},
  };
  assertThrows(
    () => checkPermessageDeflateOptions(options as unknown as PermessageDeflateOptions),
    RangeError,
    "permessage-deflate: level is 10; allowed: an integer from -1 to 9\n" +
      'memLevel is "big"; allowed: an integer from 1 to 9\n' +
      "threshold is […]; allowed: a whole number from 0 to Infinity\n" +
      "nothing is no option of permessageDeflate\n" +
      "serverMaxWindowBits is {…}; allowed: an integer from 9 to 15",
  );
});

Deno.test("an option that does not exist is refused, whatever its name", () => {
  for (const name of ["windowBits", "Level", "__proto__", "constructor", "toString", ""]) {
    const options = JSON.parse(`{ ${JSON.stringify(name)}: 1 }`);
    assertThrows(
      () => checkPermessageDeflateOptions(options),
      RangeError,
      `permessage-deflate: ${name} is no option of permessageDeflate`,
    );
  }
});

Deno.test("options that are no object are refused", () => {
  for (const options of [null, true, 1, "level"]) {
    assertThrows(
      () => checkPermessageDeflateOptions(options as unknown as PermessageDeflateOptions),
      RangeError,
      `options is ${JSON.stringify(options)}; allowed: an object`,
    );
  }
});

// The client's offer

Deno.test("RFC 7692 section 7.1: a client offers what its options ask for, and no more", () => {
  const all = SERVER_TAKEOVER + CLIENT_TAKEOVER;
  const table: [PermessageDeflateOptions, string, string][] = [
    // Options; the parameters with windows kept and without.
    [{}, `${all}; client_max_window_bits`, `${all}; client_max_window_bits`],
    [
      { serverNoContextTakeover: false },
      `${CLIENT_TAKEOVER}; client_max_window_bits`,
      `${all}; client_max_window_bits`,
    ],
    [
      { clientNoContextTakeover: false },
      `${SERVER_TAKEOVER}; client_max_window_bits`,
      `${all}; client_max_window_bits`,
    ],
    [UNDEMANDING, "; client_max_window_bits", `${all}; client_max_window_bits`],
    [
      { serverMaxWindowBits: 14 },
      `${all}; server_max_window_bits=14; client_max_window_bits`,
      `${all}; server_max_window_bits=14; client_max_window_bits`,
    ],
    [
      { ...UNDEMANDING, serverMaxWindowBits: 9, clientMaxWindowBits: 10 },
      "; server_max_window_bits=9; client_max_window_bits=10",
      `${all}; server_max_window_bits=9; client_max_window_bits=10`,
    ],
    [
      { ...UNDEMANDING, clientMaxWindowBits: 9 },
      "; client_max_window_bits=9",
      `${all}; client_max_window_bits=9`,
    ],
  ];
  for (const [options, kept, forgotten] of table) {
    const checked = checkPermessageDeflateOptions(options);
    assertEquals(makeOffer(checked, true), `permessage-deflate${kept}`);
    assertEquals(makeOffer(checked, false), `permessage-deflate${forgotten}`);
  }
});

Deno.test("all options make an offer of the parameters that they stand for", () => {
  const serverParts = "=9 =10 =11 =12 =13 =14 -".split(" ");
  const clientParts = "=9 =10 =11 =12 =13 =14".split(" ").concat("");
  for (const [options, canTakeover] of allOptions()) {
    const serverPart = serverParts[options.serverMaxWindowBits - 9]!;
    const expected = "permessage-deflate" +
      (options.serverNoContextTakeover || !canTakeover ? SERVER_TAKEOVER : "") +
      (options.clientNoContextTakeover || !canTakeover ? CLIENT_TAKEOVER : "") +
      (serverPart === "-" ? "" : `; server_max_window_bits${serverPart}`) +
      `; client_max_window_bits${clientParts[options.clientMaxWindowBits - 9]}`;
    assertSame(makeOffer(options, canTakeover), expected, options, canTakeover);
  }
});

// The server's answer

/** server_max_window_bits in the answer, by what was offered, for the options 9 to 15. */
const SERVER_BITS_ANSWERED: [offered: string, answered: string][] = [
  ["", "9 10 11 12 13 14 -"],
  ["8", "x x x x x x x"],
  ["9", "9 9 9 9 9 9 9"],
  ["10", "9 10 10 10 10 10 10"],
  ["11", "9 10 11 11 11 11 11"],
  ["12", "9 10 11 12 12 12 12"],
  ["13", "9 10 11 12 13 13 13"],
  ["14", "9 10 11 12 13 14 14"],
  ["15", "9 10 11 12 13 14 15"],
];

/** client_max_window_bits in the answer, by what was offered, for the options 9 to 15. */
const CLIENT_BITS_ANSWERED: [offered: string, answered: string][] = [
  ["", "- - - - - - -"],
  ["bare", "9 10 11 12 13 14 -"],
  ["8", "8 8 8 8 8 8 8"],
  ["9", "9 9 9 9 9 9 9"],
  ["10", "9 10 10 10 10 10 10"],
  ["11", "9 10 11 11 11 11 11"],
  ["12", "9 10 11 12 12 12 12"],
  ["13", "9 10 11 12 13 13 13"],
  ["14", "9 10 11 12 13 14 14"],
  ["15", "9 10 11 12 13 14 -"],
];

Deno.test("RFC 7692 section 7.1: every legal offer gets its exact answer, with all options", () => {
  for (const [offer, answered] of legalOffers()) {
    const offers = parse(offer);
    for (const [options, canTakeover] of allOptions()) {
      const consent = acceptOffer(offers, options, canTakeover);
      const server = answered.serverBits[options.serverMaxWindowBits - 9]!;
      const client = answered.clientBits[options.clientMaxWindowBits - 9]!;
      if (server === "x") {
        assertSame(consent, undefined, offer, options, canTakeover);
        continue;
      }
      const forgets = {
        server: answered.serverForgets || options.serverNoContextTakeover || !canTakeover,
        client: answered.clientForgets || options.clientNoContextTakeover || !canTakeover,
      };
      const expected = "permessage-deflate" +
        (forgets.server ? SERVER_TAKEOVER : "") + (forgets.client ? CLIENT_TAKEOVER : "") +
        (server === "-" ? "" : serverBits(server)) + (client === "-" ? "" : clientBits(client));
      assertSame(consent?.answer, expected, offer, options, canTakeover);
      const params = `server ${forgets.server ? "forgets" : "keeps"} ${orWhole(server)}, ` +
        `client ${forgets.client ? "forgets" : "keeps"} ${orWhole(client)}`;
      assertSame(summary(consent!.params), params, offer, options, canTakeover);
    }
  }
});

const orWhole = (bits: string) => bits === "-" ? "15" : bits;

interface Answered {
  readonly serverForgets: boolean;
  readonly clientForgets: boolean;
  readonly serverBits: readonly string[];
  readonly clientBits: readonly string[];
}

function* legalOffers(): Generator<[string, Answered]> {
  for (const serverForgets of BOTH) {
    for (const clientForgets of BOTH) {
      for (const [serverOffered, serverAnswered] of SERVER_BITS_ANSWERED) {
        for (const [clientOffered, clientAnswered] of CLIENT_BITS_ANSWERED) {
          const offer = "permessage-deflate" +
            (serverForgets ? SERVER_TAKEOVER : "") + (clientForgets ? CLIENT_TAKEOVER : "") +
            (serverOffered === "" ? "" : serverBits(serverOffered)) +
            (clientOffered === ""
              ? ""
              : clientOffered === "bare"
              ? "; client_max_window_bits"
              : clientBits(clientOffered));
          yield [offer, {
            serverForgets,
            clientForgets,
            serverBits: serverAnswered.split(" "),
            clientBits: clientAnswered.split(" "),
          }];
        }
      }
    }
  }
}

Deno.test("what browsers and the RFC's examples offer is answered as written here", () => {
  const both = SERVER_TAKEOVER + CLIENT_TAKEOVER;
  const table: [string, string, string][] = [
    // An offer; the parameters of the answer by default, and by a server that demands nothing.
    ["permessage-deflate", both, ""],
    // Chromium.
    ["permessage-deflate; client_max_window_bits", both, ""],
    // WebKit.
    ["x-webkit-deflate-frame", "x", "x"],
    // Section 7.1.3.
    [
      "permessage-deflate; client_max_window_bits; server_max_window_bits=10",
      `${both}${serverBits(10)}`,
      serverBits(10),
    ],
    [
      "permessage-deflate; client_max_window_bits; server_max_window_bits=10, permessage-deflate; client_max_window_bits",
      `${both}${serverBits(10)}`,
      serverBits(10),
    ],
    ["permessage-deflate; server_no_context_takeover", both, SERVER_TAKEOVER],
    ["permessage-deflate; client_no_context_takeover", both, CLIENT_TAKEOVER],
    ['permessage-deflate; server_max_window_bits="10"', `${both}${serverBits(10)}`, serverBits(10)],
    [
      'permessage-deflate; server_max_window_bits="\\1\\0"',
      `${both}${serverBits(10)}`,
      serverBits(10),
    ],
  ];
  for (const [offer, byDefault, undemanding] of table) {
    const whole = (params: string) => params === "x" ? undefined : `permessage-deflate${params}`;
    assertEquals(accept(offer, DEFAULTS), whole(byDefault), offer);
    assertEquals(accept(offer, DEFAULTS, false), whole(byDefault), offer);
    assertEquals(accept(offer, UNDEMANDING), whole(undemanding), offer);
    const forgetting = undemanding === "x" ? "x" : both + undemanding.replace(/;[^;]*takeover/, "");
    assertEquals(accept(offer, UNDEMANDING, false), whole(forgetting), offer);
  }
});

Deno.test("the order of parameters changes nothing", () => {
  const params = ["server_no_context_takeover", "client_no_context_takeover"].concat(
    "server_max_window_bits=12",
    "client_max_window_bits=11",
  );
  const orders = permutations(params);
  assertEquals(orders.length, 24);
  const answer = `permessage-deflate${SERVER_TAKEOVER}${CLIENT_TAKEOVER}${serverBits(12)}`;
  for (const order of orders) {
    const value = ["permessage-deflate", ...order].join("; ");
    assertEquals(accept(value), answer + clientBits(11));
    assertEquals(summary(confirm(value)), "server forgets 12, client forgets 11");
  }
});

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, i) =>
    permutations(items.filter((_, j) => j !== i)).map((rest) => [item, ...rest])
  );
}

// What is illegal

/** Values that no parameter of window bits may have; `""` only a program can make. */
const BAD_BITS = [
  ..."0 1 7 16 17 99 100 115 08 09 010 015 0015 +10 -10 -8 1e1 0xa 0b1111 10.0 10. .10 10a a10"
    .split(" "),
  ..."ten NaN Infinity true undefined null 4294967306 18446744073709551626 1_0 10' ~".split(" "),
  "9".repeat(1000),
];
/** Values given to parameters that have none. */
const BAD_FLAGS = ["1", "0", "true", "false", "10", "server_no_context_takeover"];

const flagForms = (name: string) => ({
  legal: [[], [name]],
  illegal: [
    ...BAD_FLAGS.flatMap((value) => [[`${name}=${value}`], [`${name}="${value}"`]]),
    [name, name],
    [name, `${name}=1`],
    [name.toUpperCase()],
    [`x${name}`],
    [`${name}_`],
  ],
});

const bitsForms = (name: string) => ({
  legal: [[], [`${name}=9`], [`${name}="15"`]],
  illegal: [
    ...BAD_BITS.flatMap((value) => [[`${name}=${value}`], [`${name}="${value}"`]]),
    [`${name}=10`, `${name}=10`],
    [`${name}=10`, `${name}=11`],
    [`${name}=10`, name],
    [name, `${name}=10`],
    [name, name],
    [`${name}=10`, `${name}=0`],
    [`${name[0]!.toUpperCase()}${name.slice(1)}=10`],
    [`${name}s=10`],
  ],
});

const SERVER_FLAG = flagForms("server_no_context_takeover");
const CLIENT_FLAG = flagForms("client_no_context_takeover");
const SERVER_BITS = bitsForms("server_max_window_bits");
const CLIENT_BITS = bitsForms("client_max_window_bits");
const UNKNOWN = {
  legal: [[]],
  illegal: [
    ["x"],
    ["x=1"],
    ["__proto__"],
    ["__proto__=10"],
    ["constructor"],
    ["toString=10"],
    ["hasOwnProperty"],
    ["valueOf=15"],
    ["serverMaxWindowBits=10"],
    ["s2c_max_window_bits=10"],
    ["permessage-deflate"],
    ["0"],
    ["x", "x"],
  ],
};

type Forms = { readonly legal: readonly string[][]; readonly illegal: readonly string[][] };

/** Every combination of forms of which at least one is illegal. */
function* illegalCombinations(
  kinds: readonly Forms[],
  isIllegal = false,
): Generator<readonly string[]> {
  const [kind, ...others] = kinds;
  if (kind === undefined) {
    if (isIllegal) yield [];
    return;
  }
  for (const form of kind.legal) {
    for (const rest of illegalCombinations(others, isIllegal)) yield [...form, ...rest];
  }
  for (const form of kind.illegal) {
    for (const rest of illegalCombinations(others, true)) yield [...form, ...rest];
  }
}

/** The parameters of an offer: those of window bits must have a value but for the client's. */
function offerKinds(): Forms[] {
  return [
    SERVER_FLAG,
    CLIENT_FLAG,
    { legal: SERVER_BITS.legal, illegal: [...SERVER_BITS.illegal, ["server_max_window_bits"]] },
    { legal: [...CLIENT_BITS.legal, ["client_max_window_bits"]], illegal: CLIENT_BITS.illegal },
    UNKNOWN,
  ];
}

/** The parameters of an answer: those of window bits must have a value. */
function answerKinds(): Forms[] {
  return [
    SERVER_FLAG,
    CLIENT_FLAG,
    { legal: SERVER_BITS.legal, illegal: [...SERVER_BITS.illegal, ["server_max_window_bits"]] },
    { legal: CLIENT_BITS.legal, illegal: [...CLIENT_BITS.illegal, ["client_max_window_bits"]] },
    UNKNOWN,
  ];
}

/** Each illegal form with every combination of legal forms of all others, before and behind it. */
function* oneIllegal(kinds: readonly Forms[]): Generator<readonly string[]> {
  for (const kind of kinds) {
    const legal = kinds.map((each) => each === kind ? [[]] : each.legal);
    for (const form of kind.illegal) {
      for (const others of combinations(legal)) {
        yield [...form, ...others];
        yield [...others, ...form];
      }
    }
  }
}

function combinations(kinds: readonly (readonly string[][])[]): string[][] {
  const [kind, ...others] = kinds;
  if (kind === undefined) return [[]];
  return kind.flatMap((form) => combinations(others).map((rest) => [...form, ...rest]));
}

/** As {@linkcode offerKinds}, with a few of the illegal forms of each. */
function fewOf(kinds: readonly Forms[]): Forms[] {
  return kinds.map(({ legal, illegal }) => ({
    legal,
    illegal: illegal.filter((_, i) => i % Math.ceil(illegal.length / 5) === 0),
  }));
}

/** An element in which every name and value is as it was meant, however odd. */
function element(params: readonly string[]): ExtensionOffer {
  const [offer] = parse(["permessage-deflate", ...params].join("; "));
  return offer!;
}

Deno.test("RFC 7692 section 7: a server declines each illegal parameter beside any legal ones", () => {
  let count = 0;
  for (const params of oneIllegal(offerKinds())) {
    const offer = element(params);
    for (const options of [DEFAULTS, UNDEMANDING]) {
      assertSame(acceptOffer([offer], options, true), undefined, params);
    }
    assertSame(acceptOffer([offer], DEFAULTS, false), undefined, params);
    count++;
  }
  assert(count > 5000, `${count}`);
});

Deno.test("RFC 7692 section 7: a server declines illegal parameters in all combinations", () => {
  let count = 0;
  for (const params of illegalCombinations(fewOf(offerKinds()))) {
    assertSame(acceptOffer([element(params)], DEFAULTS, true), undefined, params);
    count++;
  }
  assert(count > 10_000, `${count}`);
});

Deno.test("RFC 7692 section 7: a client fails on each illegal parameter beside any legal ones", () => {
  let count = 0;
  for (const params of oneIllegal(answerKinds())) {
    const answer = element(params);
    const fault = faultOf(() => checkAnswer(answer, UNDEMANDING, true));
    assert(fault?.startsWith("the server's answer to permessage-deflate"), params.join("; "));
    count++;
  }
  assert(count > 5000, `${count}`);
});

Deno.test("RFC 7692 section 7: a client fails on illegal parameters in all combinations", () => {
  let count = 0;
  for (const params of illegalCombinations(fewOf(answerKinds()))) {
    assert(faultOf(() => checkAnswer(element(params), UNDEMANDING, true)), params.join("; "));
    count++;
  }
  assert(count > 10_000, `${count}`);
});

Deno.test("all the legal forms beside which illegal ones are tried are legal by themselves", () => {
  for (const params of combinations(offerKinds().map(({ legal }) => legal))) {
    assert(acceptOffer([element(params)], DEFAULTS, true), params.join("; "));
  }
  for (const params of combinations(answerKinds().map(({ legal }) => legal))) {
    checkAnswer(element(params), UNDEMANDING, true);
  }
});

Deno.test("values that only a program can make are not window bits either", () => {
  for (
    const value of ["", " 10", "10 ", "\t10", "1 0", "10\n", "１０", "10\0", "١٠", "9,", '"10"']
  ) {
    for (const name of ["server_max_window_bits", "client_max_window_bits"]) {
      const params: ExtensionParam[] = [{ name, value }];
      const extension = { name: "permessage-deflate", params };
      assertEquals(acceptOffer([extension], DEFAULTS, true), undefined, JSON.stringify(value));
      assertThrows(
        () => checkAnswer(extension, UNDEMANDING, true),
        Error,
        `${name} is ${JSON.stringify(value)}, not an integer from 8 to 15`,
      );
    }
  }
  for (const name of ["server_no_context_takeover", "client_no_context_takeover"]) {
    const extension = { name: "permessage-deflate", params: [{ name, value: "" }] };
    assertEquals(acceptOffer([extension], DEFAULTS, true), undefined);
    assertThrows(() => checkAnswer(extension, UNDEMANDING, true), Error, `${name} has a value`);
  }
});

// Several offers

Deno.test("RFC 7692 section 5: the first offer that can be accepted is, and the rest are fallbacks", () => {
  const plain = "permessage-deflate";
  const table: [string, string | undefined][] = [
    [`${plain}, ${plain}${serverBits(10)}`, plain],
    [`${plain}${serverBits(10)}, ${plain}`, plain + serverBits(10)],
    [`${plain}${serverBits(8)}, ${plain}${serverBits(9)}`, plain + serverBits(9)],
    [`${plain}${serverBits(8)}, ${plain}${serverBits(8)}`, undefined],
    [`${plain}; x, ${plain}${CLIENT_TAKEOVER}, ${plain}`, plain + CLIENT_TAKEOVER],
    [
      `${plain}${serverBits("015")}, ${plain}; x=y, ${plain}${clientBits(9)}`,
      plain + clientBits(9),
    ],
    [`mux, ${plain}${SERVER_TAKEOVER}, bzip2`, plain + SERVER_TAKEOVER],
    [`permessage-bzip2, permessage-deflate2, permessage-deflat`, undefined],
    [`Permessage-Deflate, PERMESSAGE-DEFLATE, permessage-deflatE`, undefined],
    [`Permessage-Deflate, ${plain}${SERVER_TAKEOVER}`, plain + SERVER_TAKEOVER],
    [`__proto__, constructor; ${plain}`, undefined],
    [`__proto__; server_max_window_bits=9, ${plain}`, plain],
    [
      `${plain}${SERVER_TAKEOVER}${SERVER_TAKEOVER}, ${plain}${SERVER_TAKEOVER}`,
      plain + SERVER_TAKEOVER,
    ],
    ["", undefined],
  ];
  for (const [offers, answer] of table) assertEquals(accept(offers), answer, offers);
});

Deno.test("an illegal offer of any kind leaves the one behind it as good as it was", () => {
  const fallback = element(["server_max_window_bits=11", "client_max_window_bits=10"]);
  const answer = `permessage-deflate${serverBits(11)}${clientBits(10)}`;
  for (const { illegal } of offerKinds()) {
    for (const params of illegal) {
      const offers = [element(params), fallback, element([])];
      assertEquals(acceptOffer(offers, UNDEMANDING, true)?.answer, answer, params.join("; "));
    }
  }
});

Deno.test("an offer in two field lines is one list", () => {
  const lines = ["permessage-deflate; server_max_window_bits=8", "permessage-deflate"];
  assertEquals(accept(lines.join(", ")), "permessage-deflate");
});

Deno.test("a thousand offers, of which all but the last are illegal, get the last one's answer", () => {
  const offers = Array.from(
    { length: 999 },
    (_, i) => element([`x${i}`, "server_max_window_bits=8"]),
  );
  assertEquals(acceptOffer(offers, DEFAULTS, true), undefined);
  assertEquals(
    acceptOffer([...offers, element([])], UNDEMANDING, true)?.answer,
    "permessage-deflate",
  );
  const value = Array.from({ length: 1000 }, () => "permessage-deflate").join(", ");
  assertEquals(parseExtensions(value), undefined);
});

Deno.test("an offer of ten thousand parameters is judged like others", () => {
  const params = Array.from({ length: 10_000 }, (_, i) => ({ name: `x${i}`, value: undefined }));
  const legal = { name: "client_max_window_bits", value: undefined };
  const repeated = Array.from({ length: 10_000 }, () => legal);
  for (const list of [params, [legal, ...params], repeated]) {
    const extension = { name: "permessage-deflate", params: list };
    assertEquals(acceptOffer([extension], DEFAULTS, true), undefined);
    assertThrows(() => checkAnswer(extension, DEFAULTS, true), Error);
  }
});

// The client's check of the answer

/** What a client makes of server_max_window_bits in the answer, for the options 9 to 15. */
const SERVER_BITS_AGREED: [answered: string, agreed: string][] = [
  ["", "x x x x x x 15"],
  ["8", "8 8 8 8 8 8 8"],
  ["9", "9 9 9 9 9 9 9"],
  ["10", "x 10 10 10 10 10 10"],
  ["11", "x x 11 11 11 11 11"],
  ["12", "x x x 12 12 12 12"],
  ["13", "x x x x 13 13 13"],
  ["14", "x x x x x 14 14"],
  ["15", "x x x x x x 15"],
];

/** What a client makes of client_max_window_bits in the answer, for the options 9 to 15. */
const CLIENT_BITS_AGREED: [answered: string, agreed: string][] = [
  ["", "9 10 11 12 13 14 15"],
  ["8", "x x x x x x x"],
  ["9", "9 9 9 9 9 9 9"],
  ["10", "9 10 10 10 10 10 10"],
  ["11", "9 10 11 11 11 11 11"],
  ["12", "9 10 11 12 12 12 12"],
  ["13", "9 10 11 12 13 13 13"],
  ["14", "9 10 11 12 13 14 14"],
  ["15", "9 10 11 12 13 14 15"],
];

Deno.test("RFC 7692 section 7.1: every legal answer binds a client or fails it, with all options", () => {
  const counts = { agreed: 0, failed: 0 };
  for (const serverForgets of BOTH) {
    for (const clientForgets of BOTH) {
      for (const [serverAnswered, serverAgreed] of SERVER_BITS_AGREED) {
        for (const [clientAnswered, clientAgreed] of CLIENT_BITS_AGREED) {
          const value = "permessage-deflate" +
            (serverForgets ? SERVER_TAKEOVER : "") + (clientForgets ? CLIENT_TAKEOVER : "") +
            (serverAnswered === "" ? "" : serverBits(serverAnswered)) +
            (clientAnswered === "" ? "" : clientBits(clientAnswered));
          const [answer] = parse(value);
          for (const [options, canTakeover] of allOptions()) {
            const server = serverAgreed.split(" ")[options.serverMaxWindowBits - 9]!;
            const client = clientAgreed.split(" ")[options.clientMaxWindowBits - 9]!;
            const asked = options.serverNoContextTakeover || !canTakeover;
            if (server === "x" || client === "x" || (asked && !serverForgets)) {
              const fault = faultOf(() => checkAnswer(answer!, options, canTakeover));
              assert(fault !== undefined, `${value} ${JSON.stringify(options)} ${canTakeover}`);
              counts.failed++;
              continue;
            }
            const forgets = clientForgets || options.clientNoContextTakeover || !canTakeover;
            assertSame(
              summary(checkAnswer(answer!, options, canTakeover)),
              `server ${serverForgets ? "forgets" : "keeps"} ${server}, ` +
                `client ${forgets ? "forgets" : "keeps"} ${client}`,
              value,
              options,
              canTakeover,
            );
            counts.agreed++;
          }
        }
      }
    }
  }
  assert(counts.agreed > 20_000 && counts.failed > 20_000, JSON.stringify(counts));
});

Deno.test("a client that fails says what is wrong with the answer", () => {
  const begin = "the server's answer to permessage-deflate can't be agreed to: ";
  const narrow = { ...UNDEMANDING, serverMaxWindowBits: 10 };
  const table: [string, CheckedOptions, string][] = [
    ["", DEFAULTS, "server_no_context_takeover was offered and is missing"],
    [CLIENT_TAKEOVER, DEFAULTS, "server_no_context_takeover was offered and is missing"],
    ["", narrow, "server_max_window_bits was offered as 10 and is missing"],
    [serverBits(11), narrow, "server_max_window_bits was offered as 10 and is 11"],
    [clientBits(8), UNDEMANDING, "client_max_window_bits is 8, which zlib can't keep to"],
    ["; client_max_window_bits", UNDEMANDING, "client_max_window_bits has no value"],
    ["; server_max_window_bits", UNDEMANDING, "server_max_window_bits has no value"],
    [
      serverBits("015"),
      UNDEMANDING,
      'server_max_window_bits is "015", not an integer from 8 to 15',
    ],
    [clientBits(16), UNDEMANDING, 'client_max_window_bits is "16", not an integer from 8 to 15'],
    [`${SERVER_TAKEOVER}=1`, UNDEMANDING, "server_no_context_takeover has a value"],
    [CLIENT_TAKEOVER.repeat(2), UNDEMANDING, "client_no_context_takeover comes twice"],
    ["; x", UNDEMANDING, '"x" is no parameter of it'],
    ["; __proto__=1", UNDEMANDING, '"__proto__" is no parameter of it'],
  ];
  for (const [params, options, fault] of table) {
    assertEquals(faultOf(() => confirm(`permessage-deflate${params}`, options)), begin + fault);
  }
  assertEquals(faultOf(() => confirm("mux")), `${begin}it is "mux"`);
  assertEquals(faultOf(() => confirm("Permessage-deflate")), `${begin}it is "Permessage-deflate"`);
  assertEquals(
    faultOf(() => confirm("permessage-deflate", UNDEMANDING, false)),
    `${begin}server_no_context_takeover was offered and is missing`,
  );
});

// Both sides

Deno.test("whatever the options of both sides, they agree, and on the same", () => {
  let count = 0;
  for (const [clientOptions, clientCan] of allOptions()) {
    const offers = parse(makeOffer(clientOptions, clientCan));
    for (const [serverOptions, serverCan] of allOptions()) {
      const consent = acceptOffer(offers, serverOptions, serverCan);
      const server = consent!.params;
      const client = checkAnswer(parse(consent!.answer)[0]!, clientOptions, clientCan);
      assertSame(summary(client), summary(server), clientOptions, serverOptions);
      // Nobody is bound to more than it allows, and neither side keeps what the other can't.
      const keepable = clientCan && serverCan;
      const options = [clientOptions, serverOptions];
      assert(client.serverNoContextTakeover || keepable);
      assert(client.clientNoContextTakeover || keepable);
      for (const each of options) {
        assert(client.serverMaxWindowBits <= each.serverMaxWindowBits);
        assert(client.clientMaxWindowBits <= each.clientMaxWindowBits);
        assert(client.serverNoContextTakeover || !each.serverNoContextTakeover);
        assert(client.clientNoContextTakeover || !each.clientNoContextTakeover);
      }
      count++;
    }
  }
  assertEquals(count, (2 * 2 * 7 * 7 * 2) ** 2);
});

Deno.test("whatever comes is answered or declined, and nothing but a fault throws", () => {
  const random = seeded(11);
  const forms = [...offerKinds(), ...answerKinds()].flatMap(({ legal, illegal }) =>
    [...legal, ...legal, ...illegal].flat()
  );
  const legal = offerKinds().flatMap((kind) => kind.legal.flat());
  const counts = { accepted: 0, declined: 0, agreed: 0, failed: 0 };
  for (let i = 0; i < 30_000; i++) {
    const source = i % 3 === 0 ? forms : legal;
    const params = Array.from(
      { length: Math.floor(random() * 5) },
      () => source[Math.floor(random() * source.length)]!,
    );
    const extension = element(params);
    const consent = acceptOffer([extension], UNDEMANDING, true);
    counts[consent === undefined ? "declined" : "accepted"]++;
    // The answer to a legal offer is one that the client who made it may get.
    if (consent !== undefined) checkAnswer(parse(consent.answer)[0]!, UNDEMANDING, true);
    const fault = faultOf(() => checkAnswer(extension, UNDEMANDING, true));
    counts[fault === undefined ? "agreed" : "failed"]++;
  }
  for (const count of Object.values(counts)) assert(count > 1000, JSON.stringify(counts));
});

/** Numbers from 0 to 1, the same ones for the same seed (Numerical Recipes' constants). */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
