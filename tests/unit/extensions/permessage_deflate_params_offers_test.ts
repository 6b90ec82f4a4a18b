/** Illegal offers, several offers, and both sides of an agreement (RFC 7692 section 7.1). */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type ExtensionOffer,
  type ExtensionParam,
  parseExtensions,
} from "../../../src/core/websocket/extension_header.ts";
import {
  acceptOffer,
  checkAnswer,
  makeOffer,
} from "../../../src/extensions/permessage_deflate_params.ts";
import {
  accept,
  allOptions,
  assertSame,
  CLIENT_TAKEOVER,
  clientBits,
  DEFAULTS,
  faultOf,
  parse,
  SERVER_TAKEOVER,
  serverBits,
  summary,
  UNDEMANDING,
} from "./deflate_params.ts";
import { shown } from "../../../src/base/log/escaping.ts";

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
        `${name} is "${shown(value)}", not an integer from 8 to 15`,
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
