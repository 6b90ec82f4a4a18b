/** `upgrade` decides about a handshake before it is answered. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  type ContextCreationInfo,
  type Handshake,
  type IncomingRequest,
  LwsError,
  permessageDeflate,
  protocol,
  type SubprotocolPolicy,
  type UpgradeResult,
  type Wsi,
} from "../../../mod.ts";
import { fieldOf, statusOf } from "../../support/http.ts";
import { captureLog } from "../../support/recorder.ts";
import {
  handshake as opening,
  type HandshakeOptions,
  readHead,
  readResponse,
  serve,
  settle,
} from "../../support/serve.ts";

type Upgrade = (
  request: IncomingRequest,
  handshake: Handshake<{ nick: string }>,
) => UpgradeResult | Promise<UpgradeResult>;

/** A server whose protocol "chat" asks `upgrade`, and says hello on each connection that it takes. */
function guarded(upgrade: Upgrade, info: Partial<ContextCreationInfo> = {}) {
  const first = protocol({ name: "first", path: "/first" });
  const chat = protocol({
    name: "chat",
    path: "/chat/:room",
    perSessionData: () => ({ nick: "nobody" }),
    upgrade,
    open: (wsi, user) => void wsi.write(`hello, ${user.nick}`),
  });
  return serve([first, chat], info);
}

interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** How a handshake at /chat/kitchen is answered. */
async function answered(
  upgrade: Upgrade,
  options: HandshakeOptions = {},
  info?: Partial<ContextCreationInfo>,
): Promise<Answer> {
  await using served = guarded(upgrade, info);
  const peer = await served.dial(opening({ path: "/chat/kitchen", ...options }));
  const head = await readHead(peer);
  const status = statusOf(head);
  if (status === 101) {
    const [, length] = await peer.readBytes(2);
    return { status, head, body: new TextDecoder().decode(await peer.readBytes(length!)) };
  }
  const body = new TextDecoder().decode(await peer.readToEnd());
  assertEquals(served.context.stats().protocols.chat!.servers.ever, 0);
  return { status, head, body };
}

/** Both ways to return something. */
const WAYS: readonly [string, (value: UpgradeResult) => UpgradeResult | Promise<UpgradeResult>][] =
  [
    ["returned", (value) => value],
    ["promised", (value) => new Promise((resolve) => setImmediate(() => resolve(value)))],
  ];

Deno.test("it sees wsi.request and the handshake, with the user made before", async () => {
  const seen: unknown[] = [];
  const answer = await answered((request, handshake) => {
    const { wsi, user, protocols } = handshake;
    seen.push(request === wsi.request, user === wsi.user, user.nick);
    seen.push(request.url.href, request.params.room, request.cookies.get("nick"), protocols);
    seen.push(Object.isFrozen(protocols), wsi.write("too early"), wsi.protocol.name);
    user.nick = request.cookies.get("nick")!;
  }, { path: "/chat/kitchen?x=1", headers: ["Cookie: nick=ann"] });
  assertEquals(answer.body, "hello, ann");
  assertEquals(seen, [
    true,
    true,
    "nobody",
    "http://localhost/chat/kitchen?x=1",
    "kitchen",
    "ann",
    [],
    true,
    -1,
    "chat",
  ]);
});

for (const [way, give] of WAYS) {
  Deno.test(`nothing or 0 goes on, ${way}`, async () => {
    for (const value of [undefined, 0] as const) {
      assertEquals((await answered(() => give(value))).body, "hello, nobody");
    }
  });

  Deno.test(`1 or −1 is 403, ${way}`, async () => {
    using _log = captureLog([]);
    for (const value of [1, -1] as const) {
      const answer = await answered(() => give(value));
      assertEquals(answer.status, 403);
    }
  });

  Deno.test(`a Response is sent as it is, ${way}`, async () => {
    const headers: [string, string][] = [
      ["www-authenticate", "Bearer"],
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
      ["content-type", "application/json"],
    ];
    const answer = await answered(() =>
      give(new Response('{"who":"are you?"}', { status: 401, headers }))
    );
    assertEquals(answer.status, 401);
    assertEquals(answer.body, '{"who":"are you?"}');
    assertEquals(fieldOf(answer.head, "www-authenticate"), "Bearer");
    assertEquals(fieldOf(answer.head, "content-type"), "application/json");
    assertEquals(fieldOf(answer.head, "content-length"), "18");
    assertStringIncludes(answer.head, "set-cookie: a=1\r\n");
    assertStringIncludes(answer.head, "set-cookie: b=2\r\n");
    for (const status of [204, 304]) {
      assertEquals((await answered(() => give(new Response(null, { status })))).status, status);
    }
    const redirect = await answered(() => give(Response.redirect("https://x.example/login")));
    assertEquals(fieldOf(redirect.head, "location"), "https://x.example/login");
  });

  Deno.test(`an answer without the field that its status must have is told of, ${way}`, async () => {
    const refusals: Upgrade[] = [
      () => give(new Response("who?", { status: 401 })),
      (_request, handshake) => give(handshake.reject(401, "who?")),
    ];
    for (const refuse of refusals) {
      using log = captureLog(["notice"]);
      assertEquals((await answered(refuse)).status, 401);
      const told = log.lines.filter((each) => each.includes("has no www-authenticate"));
      assertEquals(told.length, 1);
    }
  });

  Deno.test(`a Response whose body is a stream is sent to its end, ${way}`, async () => {
    async function* pieces() {
      for (let i = 0; i < 3; i++) {
        await new Promise((resolve) => setImmediate(resolve));
        yield new TextEncoder().encode(`piece ${i};`);
      }
    }
    const answer = await answered(() =>
      give(new Response(ReadableStream.from(pieces()), { status: 503 }))
    );
    assertEquals(answer.status, 503);
    assertEquals(answer.body.replace(/[0-9a-f]+\r\n|\r\n/g, ""), "piece 0;piece 1;piece 2;");
  });
}

Deno.test("what can't be sent, and a throw, are 500 and a line in the log", async () => {
  const used = new Response("x");
  await used.text();
  const faults: [Upgrade, string][] = [
    [() => {
      throw new Error("on purpose");
    }, "on purpose"],
    [() => Promise.reject(new Error("on purpose")), "on purpose"],
    [() => Response.error(), "status"],
    [() => used, "read already"],
    [() => new Response(ReadableStream.from([42 as never])), "a piece of the body is 42"],
    [() => new Response(new ReadableStream(), { headers: { "content-length": "x" } }), '"x"'],
  ];
  for (const [upgrade, says] of faults) {
    using captured = captureLog(["err"]);
    assertEquals((await answered(upgrade)).status, 500);
    assertEquals(captured.lines.length, 1);
    assertStringIncludes(captured.lines[0]!, "chat: upgrade");
    assertStringIncludes(captured.lines[0]!, says);
  }
});

Deno.test("another value counts as no, a number as well, with a line in the log", async () => {
  for (const [value, shown] of [[false, "false"], [2, "2"], [NaN, "NaN"]]) {
    using captured = captureLog(["warn"]);
    assertEquals((await answered(() => value as never)).status, 403);
    const says = `protocol: upgrade returned ${shown}, which counts as 1`;
    assertStringIncludes(captured.lines[0]!, says);
  }
});

Deno.test("accept adds fields to the 101, given in any of three ways", async () => {
  const ways = [
    { "x-a": "1", "X-B": "2" },
    new Headers({ "x-a": "1", "x-b": "2" }),
    [["x-a", "1"], ["x-b", "2"]] as const,
  ];
  for (const headers of ways) {
    const answer = await answered((_request, handshake) => handshake.accept({ headers }));
    assertEquals(answer.status, 101);
    assertEquals([fieldOf(answer.head, "x-a"), fieldOf(answer.head, "x-b")], ["1", "2"]);
    assertEquals(answer.body, "hello, nobody");
  }
});

Deno.test("accept without a protocol keeps what was chosen", async () => {
  for (const acceptance of [undefined, {}, { headers: { "x-a": "1" } }]) {
    const answer = await answered((_request, handshake) => handshake.accept(acceptance), {
      protocol: "other, chat",
    });
    assertEquals(fieldOf(answer.head, "Sec-WebSocket-Protocol"), "chat");
  }
});

Deno.test("accept names any subprotocol that the client offers, and the protocol stays the one", async () => {
  const cases: [SubprotocolPolicy, offer: string, choice: string][] = [
    ["required", "v2.chat, chat", "v2.chat"],
    ["optional", "v2.chat, v1.chat", "v1.chat"],
    ["optional", "first", "first"],
  ];
  for (const [subprotocols, offer, choice] of cases) {
    const answer = await answered(
      (_request, handshake) => {
        assertEquals(handshake.protocols, offer.split(", "));
        handshake.accept({ protocol: choice });
      },
      { protocol: offer },
      { subprotocols },
    );
    assertEquals(fieldOf(answer.head, "Sec-WebSocket-Protocol"), choice);
    assertEquals(answer.body, "hello, nobody");
  }
});

Deno.test("reject answers as wsi.respond does, and refuses whatever is returned", async () => {
  for (const [, give] of WAYS) {
    for (const value of [undefined, 0, 1] as const) {
      const answer = await answered((_request, handshake) => {
        handshake.reject(429, "too many", { "retry-after": "9" });
        return give(value);
      });
      assertEquals(answer.status, 429);
      assertEquals(answer.body, "too many");
      assertEquals(fieldOf(answer.head, "retry-after"), "9");
      assertEquals(fieldOf(answer.head, "connection"), "close");
    }
  }
  const bare = await answered((_request, handshake) => handshake.reject(404));
  assertEquals([bare.status, bare.body], [404, ""]);
});

Deno.test("no extension is agreed on for a handshake that is rejected", async () => {
  const asked: string[] = [];
  for (const rejects of [false, true]) {
    await using served = serve([protocol({
      name: "x",
      confirmExtensionOkay: (_wsi, _user, name) => void asked.push(`${name} ${rejects}`),
      upgrade: (_request, handshake) => rejects ? handshake.reject(400) : undefined,
    })], { extensions: [permessageDeflate()] });
    const headers = ["Sec-WebSocket-Extensions: permessage-deflate"];
    const peer = await served.dial(opening({ headers }));
    assertEquals(statusOf(await readHead(peer)), rejects ? 400 : 101);
  }
  assertEquals(asked, ["permessage-deflate false"]);
});

Deno.test("a Response behind reject is let go, with a line in the log", async () => {
  using captured = captureLog(["warn"]);
  let isCancelled = false;
  const body = new ReadableStream({ cancel: () => void (isCancelled = true) });
  const answer = await answered((_request, handshake) => {
    handshake.reject(418, "first");
    return new Response(body);
  });
  assertEquals([answer.status, answer.body], [418, "first"]);
  assertEquals(isCancelled, true);
  assertEquals(captured.lines, [
    "warn: chat: upgrade has rejected, and returned a Response as well",
  ]);
});

/** The ways in which a program answers by itself. */
const OWN_ANSWERS: Readonly<Record<string, (wsi: Wsi) => unknown>> = {
  respond: (wsi) => wsi.respond(418, "first"),
  "respond with a stream": (wsi) => wsi.respond(418, ReadableStream.from(["first"])),
  returnHttpStatus: (wsi) => wsi.returnHttpStatus(418, "first"),
  writeHttpHeaders: (wsi) => wsi.writeHttpHeaders(418, [["content-length", "5"]]),
};

for (const [name, answerBy] of Object.entries(OWN_ANSWERS)) {
  for (const isLater of [false, true]) {
    const when = isLater ? "later" : "at once";
    Deno.test(`a Response behind an answer by ${name}, ${when}, is let go: one request has one`, async () => {
      using captured = captureLog(["warn"]);
      let isCancelled = false;
      const body = new ReadableStream({ cancel: () => void (isCancelled = true) });
      await using served = guarded(async (_request, { wsi }) => {
        if (isLater) await settle();
        answerBy(wsi);
        return new Response(body);
      });
      const peer = await served.dial(opening({ path: "/chat/kitchen" }));
      const sent = new TextDecoder().decode(await peer.readToEnd());
      assertEquals(sent.match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 418"]);
      assertEquals(isCancelled, true);
      assertEquals(captured.lines[0], SECOND_ANSWER);
    });
  }
}

const SECOND_ANSWER = "warn: chat: upgrade has answered by wsi, and returned a Response as well";

/** Refuses with 403 when the call has thrown as it must. */
async function throws(
  call: (handshake: Handshake<{ nick: string }>) => void,
  code: string,
  says: string,
): Promise<void> {
  const answer = await answered((_request, handshake) => {
    const error = assertThrows(() => call(handshake), LwsError, says);
    assertEquals(error.code, code);
    return 1;
  }, { protocol: "chat, more" });
  assertEquals(answer.status, 403, says);
}

Deno.test("accept and reject refuse what can't be sent, by its name, and nothing counts then", async () => {
  const wrong = "invalid-argument";
  await throws(
    (it) => it.accept({ protocol: "unknown" }),
    wrong,
    'accept: protocol is "unknown"; allowed: one that the client offers: chat, more',
  );
  await throws((it) => it.accept({ protocol: "CHAT" }), wrong, "accept: protocol");
  await throws(
    (it) => it.accept({ protocols: [] } as never),
    wrong,
    "accept: protocols is none of",
  );
  await throws((it) => it.accept(3 as never), wrong, "accept: acceptance is 3");
  await throws((it) => it.accept({ headers: 3 as never }), wrong, "accept: headers is 3");
  await throws((it) => it.accept({ headers: ["a"] as never }), wrong, 'accept: headers is "a"');
  await throws((it) => it.accept({ headers: { "x y": "1" } }), wrong, "is no token");
  await throws((it) => it.accept({ headers: { x: "1\r\n" } }), wrong, "header x");
  await throws(
    (it) => it.accept({ headers: { upgrade: "x" } }),
    wrong,
    "set by the handshake itself",
  );
  await throws((it) => it.reject(101), wrong, "reject: status is 101");
  await throws((it) => it.reject(600), wrong, "reject: status is 600");
  await throws((it) => it.reject(400, "", { "x y": "1" }), wrong, "x y");
  const answer = await answered((_request, handshake) => {
    assertThrows(() => handshake.accept({ headers: { good: "1", upgrade: "x" } }), LwsError);
    assertThrows(() => handshake.reject(400, {} as never), LwsError);
    handshake.accept({ headers: { better: "2" } });
  });
  assertEquals(answer.status, 101);
  assertEquals([fieldOf(answer.head, "good"), fieldOf(answer.head, "better")], [undefined, "2"]);
});

Deno.test("with a client that offers nothing accept names no subprotocol", async () => {
  const answer = await answered((_request, handshake) => {
    assertThrows(
      () => handshake.accept({ protocol: "chat" }),
      LwsError,
      "none, as the client offers none",
    );
  });
  assertEquals(answer.status, 101);
});

Deno.test("each counts once, and neither when upgrade is over", async () => {
  const state = "invalid-state";
  await throws(
    (it) => (it.accept(), it.accept()),
    state,
    "accept: the handshake was accepted already",
  );
  await throws((it) => (it.accept(), it.reject(400)), state, "reject: the handshake was accepted");
  let kept: Handshake<{ nick: string }> | undefined;
  for (const [, give] of WAYS) {
    const answer = await answered((_request, handshake) => {
      kept = handshake;
      return give(undefined);
    });
    assertEquals(answer.status, 101);
    for (const call of [() => kept!.accept(), () => kept!.reject(400)]) {
      assertEquals(assertThrows(call, LwsError, "upgrade is over").code, state);
    }
  }
  await answered((_request, handshake) => {
    handshake.reject(400);
    assertThrows(
      () => handshake.reject(401),
      LwsError,
      "reject: the handshake was rejected already",
    );
    assertThrows(() => handshake.accept(), LwsError, "accept: the handshake was rejected already");
  });
});

Deno.test("both calls do nothing when the peer has gone meanwhile", async () => {
  for (const call of ["accept", "reject", "respond"] as const) {
    using captured = captureLog();
    const asked = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    const over = Promise.withResolvers<void>();
    let isCancelled = false;
    await using served = guarded(async (_request, handshake) => {
      asked.resolve();
      await gone.promise;
      try {
        if (call === "accept") handshake.accept({ headers: { x: "1" } });
        else if (call === "reject") handshake.reject(400);
        else {
          const cancel = () => void (isCancelled = true);
          return new Response(new ReadableStream({ cancel }));
        }
      } finally {
        over.resolve();
      }
    });
    const peer = await served.dial(opening({ path: "/chat/kitchen" }));
    await asked.promise;
    peer.transport.reset();
    await settle();
    gone.resolve();
    await over.promise;
    await settle();
    assertEquals(captured.lines, []);
    assertEquals(isCancelled, call === "respond");
  }
});

Deno.test("it has headerTimeoutMs, and is answered 503 behind it", async () => {
  const forever = new Promise<void>(() => {});
  await using served = guarded(() => forever, { headerTimeoutMs: 1000 });
  const peer = await served.dial(opening({ path: "/chat/kitchen" }));
  await settle();
  await served.pass(950);
  assertEquals(peer.received.length, 0);
  await served.pass(100);
  assertEquals(statusOf((await readResponse(peer)).head), 503);
});

for (const service of ["manual", "external"] as const) {
  Deno.test(`with ${service} service what it decides is told in service`, async () => {
    for (const verdict of ["goes on", "refused"]) {
      await using served = guarded(async (_request, handshake) => {
        await Promise.resolve();
        handshake.user.nick = "ann";
        if (verdict === "refused") return new Response("no", { status: 409 });
        handshake.accept({ headers: { "x-a": "1" } });
      }, { service });
      const peer = await served.dial(opening({ path: "/chat/kitchen" }));
      const head = readHead(peer);
      for (let i = 0; i < 5; i++) {
        await settle();
        for (let n = 0; n < 10; n++) await served.context.service(0);
      }
      assertEquals(statusOf(await head), verdict === "refused" ? 409 : 101);
      assert(verdict === "refused" || fieldOf(await head, "x-a") === "1");
    }
  });
}

Deno.test("it decides about the versions before RFC 6455 as well", async () => {
  await using served = guarded((_request, handshake) => {
    if (handshake.wsi.wireVersion === 8) handshake.accept({ protocol: "old" });
    else return new Response("no", { status: 410 });
  }, { versions: [13, 8, "hixie-75"], subprotocols: "optional" });
  const draft = opening({ path: "/chat/attic", protocol: "old" });
  const peer = await served.dial(draft.replace("Version: 13", "Version: 8"));
  const head = await readHead(peer);
  assertEquals([statusOf(head), fieldOf(head, "Sec-WebSocket-Protocol")], [101, "old"]);
  const hixie75 = [
    "GET /chat/attic HTTP/1.1",
    "Host: localhost",
    "Upgrade: WebSocket",
    "Connection: Upgrade",
    "Origin: http://localhost",
    "\r\n",
  ].join("\r\n");
  const elder = await served.dial(hixie75);
  assertEquals(statusOf(await readHead(elder)), 410);
});

Deno.test("it comes on servers alone", async () => {
  const asked: boolean[] = [];
  const opened = Promise.withResolvers<void>();
  const both = protocol({
    name: "both",
    upgrade: (_request, { wsi }) => void asked.push(wsi.isClient),
    open: (wsi) => wsi.isClient ? opened.resolve() : undefined,
  });
  await using served = serve([both]);
  served.client([both]).clientConnect({ address: "memory", port: 80, protocol: "both" });
  await opened.promise;
  assertEquals(asked, [false]);
});

Deno.test("upgrade and filterProtocolConnection together are refused by both names", () => {
  const definition = { name: "x", upgrade() {}, filterProtocolConnection() {} };
  assertThrows(
    () => protocol(definition as never),
    LwsError,
    "upgrade takes the place of filterProtocolConnection: it can't stand beside " +
      "filterProtocolConnection",
  );
});

Deno.test("a raw filter chooses by data.choose, until it is decided", async () => {
  let late: () => void = () => {};
  const chat = protocol({
    name: "chat",
    filterProtocolConnection(_wsi, _user, filter) {
      assertEquals(filter.protocol, "chat");
      assertEquals(filter.protocols, ["v2.chat", "chat"]);
      assertThrows(() => filter.choose("v3.chat"), LwsError, "choose: protocol");
      filter.choose("v2.chat");
      assertEquals(filter.protocol, "v2.chat");
      late = () => filter.choose("chat");
    },
  });
  await using served = serve([chat]);
  const socket = await served.open({ protocol: "v2.chat, chat" });
  assertEquals(fieldOf(socket.answer, "Sec-WebSocket-Protocol"), "v2.chat");
  assertEquals(
    assertThrows(late, LwsError, "choose: the handshake is decided").code,
    "invalid-state",
  );
});

Deno.test("accept and reject may be taken off the handshake, as parameters are", async () => {
  const accepted = await answered((_request, { user, accept }) => {
    user.nick = "ada";
    accept({ headers: { "x-nick": user.nick } });
  });
  assertEquals(accepted.status, 101);
  assertEquals(fieldOf(accepted.head, "x-nick"), "ada");
  const rejected = await answered((_request, { reject }) => reject(451, "not here"));
  assertEquals([rejected.status, rejected.body], [451, "not here"]);
});
