/** Options, offers, answers and the client's check of these (RFC 7692 section 7.1). */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { LwsError } from "../../../src/base/errors.ts";
import {
  acceptOffer,
  checkAnswer,
  checkPermessageDeflateOptions,
  makeOffer,
  type PermessageDeflateOptions,
  type PermessageDeflateParams,
} from "../../../src/extensions/permessage_deflate_params.ts";
import {
  accept,
  allOptions,
  assertSame,
  BOTH,
  type CheckedOptions,
  CLIENT_TAKEOVER,
  clientBits,
  DEFAULTS,
  faultOf,
  OPTION_BITS,
  parse,
  SERVER_TAKEOVER,
  serverBits,
  summary,
  UNDEMANDING,
} from "./deflate_params.ts";

function confirm(
  value: string,
  options = UNDEMANDING,
  canTakeover = true,
): PermessageDeflateParams {
  const [answer] = parse(value);
  return checkAnswer(answer!, options, canTakeover);
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
    [
      "maxInflationRatio",
      [1, 1.5, 1032, Infinity],
      [0.99, 0, -1, NaN, "2", null],
      "a number from 1 to Infinity",
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
      const { message } = assertThrows(() => checkPermessageDeflateOptions(options), LwsError);
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
    LwsError,
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
      LwsError,
      `permessage-deflate: ${name} is no option of permessageDeflate`,
    );
  }
});

Deno.test("options that are no object are refused", () => {
  for (const options of [null, true, 1, "level"]) {
    assertThrows(
      () => checkPermessageDeflateOptions(options as unknown as PermessageDeflateOptions),
      LwsError,
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
