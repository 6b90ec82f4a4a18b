/** What `fetch` may be, and which applications of frameworks are refused by name. */

import { assertEquals, assertThrows } from "@std/assert";
import { CONTEXT_PORT_NO_LISTEN, createContext, LwsError, protocol } from "../../../../mod.ts";

/** As the frameworks make them. */
const express = Object.assign((_request: unknown, _response: unknown, _next: unknown) => {}, {
  handle() {},
  listen() {},
});
const koa = new class Koa {
  listen() {}
  callback() {}
}();
const hono = new class Hono {
  fetch = () => new Response("hono");
  request() {}
}();

const NODE_ALONE =
  "is an application of node:http, as of Express or Koa, which can't answer by a Response; let it listen, and " +
  "give the upgrades of its server to handleUpgrade of @x/lws/node";
const BY_ITS_FETCH = "is an application, as of Hono; give its own function: fetch: app.fetch";

/** What is said of a `fetch`. */
function said(fetch: unknown): string[] {
  const info = [
    { port: CONTEXT_PORT_NO_LISTEN, fetch },
    { port: CONTEXT_PORT_NO_LISTEN, protocols: [protocol({ name: "a", fetch } as never)] },
  ];
  return info.map((each) => {
    const error = assertThrows(() => createContext(each as never), LwsError);
    assertEquals(error.code, "invalid-option");
    return error.message;
  });
}

for (
  const [what, app, fault] of [
    ["Express's", express, NODE_ALONE],
    ["Koa's", koa, NODE_ALONE],
    ["Hono's", hono, BY_ITS_FETCH],
  ] as const
) {
  Deno.test(`an application as ${what} is refused as a context's fetch and as a protocol's, with what to do`, () => {
    assertEquals(said(app), [`fetch ${fault}`, `protocols[0].fetch ${fault}`]);
  });
}

Deno.test("any other value that is no function is refused as such, and a function with members is taken", async () => {
  for (const value of [null, 1, "x", {}]) {
    for (const message of said(value)) assertEquals(message.split("; ")[1], "allowed: a function");
  }
  const fetch = Object.assign(hono.fetch, { handle() {}, fetch() {} });
  const protocols = [protocol({ name: "a", fetch })];
  await createContext({ port: CONTEXT_PORT_NO_LISTEN, fetch, protocols }).destroy();
});

Deno.test("where nothing answers, it is said what may", () => {
  for (
    const [protocols, allowed] of [
      [undefined, "an array of protocols"],
      [[], "at least one with a callback"],
    ] as const
  ) {
    const { message } = assertThrows(
      () => createContext({ port: 0, protocols } as never),
      LwsError,
    );
    assertEquals(
      message.split("; ")[1],
      `allowed: ${allowed}, or none beside fetch or mounts, or with port: CONTEXT_PORT_NO_LISTEN`,
    );
  }
});
