/** Where an answer sends a client, and what it takes along. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { redirectOf } from "../../../../src/connection/client/redirect.ts";
import type { ClientTarget } from "../../../../src/connection/client/route.ts";
import type { ResponseHead } from "../../../../src/core/http/head.ts";
import { HeaderFields } from "../../../../src/core/http/fields.ts";

const TARGET: ClientTarget = {
  address: "192.0.2.1",
  port: 8443,
  socketPath: undefined,
  iface: "192.0.2.9",
  ssl: 2,
  peerCertificate: true,
  serverName: "given.example",
  path: "/a/b?c",
  host: "server.example",
  origin: "https://page.example",
  protocols: ["chat"],
  headers: [["Authorization", "x"], ["cookie", "y"], ["PROXY-authorization", "z"], ["x-a", "1"]],
  version: 13,
  draft04Masking: "draft",
  hasUser: false,
  redirects: 5,
  redirected: 0,
  hasLeftOrigin: false,
};

function follow(location: string | string[], target: Partial<ClientTarget> = {}, status = 302) {
  const fields = new HeaderFields();
  for (const each of [location].flat()) fields.add("Location", each);
  const head: ResponseHead = { status, reason: "", minorVersion: 1, fields };
  return redirectOf({ ...TARGET, ...target }, head);
}

Deno.test("within an origin all stays but the path, however the origin is written", () => {
  for (
    const [location, path] of [
      ["/new?d", "/new?d"],
      ["new", "/a/new"],
      ["?d", "/a/b?d"],
      ["//server.example/x", "/x"],
      ["https://SERVER.example:443/x", "/x"],
      ["wss://user:pw@server.example/x#y", "/x"],
      ["wss://server.example", "/"],
    ] as const
  ) assertEquals(follow(location), { ...TARGET, path, redirected: 1 }, location);
  const socket = { socketPath: "/run/s" };
  assertEquals(follow("/x", socket), { ...TARGET, ...socket, path: "/x", redirected: 1 });
});

Deno.test("another origin gets no credentials, and nothing that was given for the first one alone", () => {
  const headers: ClientTarget["headers"] = [["x-a", "1"]];
  const there = { ...TARGET, headers, redirected: 1, hasLeftOrigin: true, ssl: 1 as const };
  const places = [
    ["wss://other.example/x", { address: "other.example", port: 443 }],
    ["https://other.example:81/x", { address: "other.example", port: 81 }],
    ["//server.example:81/x", { address: "server.example", port: 81 }],
  ] as const;
  for (const [location, { address, port }] of places) {
    const host = port === 443 ? address : `${address}:${port}`;
    const expected = { ...there, address, port, host, serverName: address, path: "/x" };
    assertEquals(follow(location), expected, location);
  }
  const plain = follow("wss://server.example/", { ssl: 0, host: "server.example" });
  assertEquals((plain as ClientTarget).hasLeftOrigin, true, "another scheme is another origin");
  const v6 = follow("wss://[2001:DB8::1]/") as ClientTarget;
  assertEquals([v6.host, v6.serverName], ["[2001:db8::1]", "2001:db8::1"]);
});

Deno.test("only five statuses with a Location are redirects, and none where none is followed", () => {
  for (const status of [301, 302, 303, 307, 308]) {
    assertEquals((follow("/x", {}, status) as ClientTarget).path, "/x", String(status));
    assertEquals(follow("/x", { redirects: 0 }, status), undefined);
    assertEquals(follow([], {}, status), undefined);
  }
  for (const status of [200, 300, 304, 305, 306, 309, 401]) {
    assertEquals(follow("/x", {}, status), undefined, String(status));
  }
});

Deno.test("what is not followed is told why", () => {
  const refused: [string | string[], Partial<ClientTarget>, string][] = [
    ["ws://server.example/x", {}, "from wss to ws"],
    ["http://other.example/x", {}, "from wss to ws"],
    ["/x", { redirected: 5 }, "more than 5 redirects"],
    ["/x", { redirected: 1, redirects: 1 }, "more than 1 redirects"],
    [["/x", "/y"], {}, "more than one Location"],
    ["ftp://server.example/x", {}, "no URL for that"],
    ["wss://a b/", {}, "no URL for that"],
    ["wss://other.example:0/", {}, "port 0"],
    ["wss://other.example/", { socketPath: "/run/s" }, "away from a unix socket"],
  ];
  for (const [location, target, why] of refused) {
    assertStringIncludes(String(follow(location, target)), why);
  }
  assertEquals((follow("/x", { redirected: 4 }) as ClientTarget).redirected, 5, "at the limit");
});
