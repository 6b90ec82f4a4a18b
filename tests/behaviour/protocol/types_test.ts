/** What the compiler knows of a flat object; most of this file is tested by being checked. */

import { assertEquals } from "@std/assert";
import { type CloseInfo, type Protocol, protocol, type TlsInfo, type Wsi } from "../../../mod.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;

/** Compiles where its argument is of exactly that type. */
function is<Wanted>() {
  return <Given>(_value: Given, _same: Same<Given, Wanted>): void => {};
}

interface Guest {
  nick: string;
}

Deno.test("the user's type is what perSessionData returns, in every method", () => {
  const chat = protocol({
    name: "chat",
    perSessionData: () => ({ nick: "" }),
    open(wsi, user, tls) {
      is<string>()(user.nick, true);
      is<Wsi<Guest>>()(wsi, true);
      is<TlsInfo | undefined>()(tls, true);
      // @ts-expect-error: there is no such member
      user.nickname;
    },
    message(wsi, user, data) {
      is<Guest>()(user, true);
      is<string>()(wsi.user.nick, true);
      is<string | Uint8Array>()(data, true);
    },
    drain: (_wsi, user) => is<Guest>()(user, true),
    close(_wsi, user, info) {
      is<Guest>()(user, true);
      is<CloseInfo>()(info, true);
    },
    receivePing(_wsi, user, payload) {
      is<Guest>()(user, true);
      is<Uint8Array>()(payload, true);
    },
    protocolInit(_wsi, user) {
      is<undefined>()(user, true);
    },
  });
  is<Protocol<Guest>>()(chat, true);
  assertEquals(chat.name, "chat");
});

Deno.test("the order of members, and how perSessionData is written, change nothing", () => {
  protocol({
    open: (_wsi, user) => is<Guest>()(user, true),
    perSessionData: (): Guest => ({ nick: "" }),
    name: "chat",
  });
  protocol({
    name: "chat",
    perSessionData() {
      return { nick: "" };
    },
    open: (_wsi, user) => is<Guest>()(user, true),
  });
});

Deno.test("without perSessionData the user is undefined, with a number a buffer, or as it is told", () => {
  const bare = protocol({
    name: "x",
    open: (_wsi, user) => is<undefined>()(user, true),
  });
  is<Protocol<undefined>>()(bare, true);
  protocol({
    name: "x",
    perSessionData: 8,
    open: (_wsi, user) => is<ArrayBuffer>()(user, true),
  });
  protocol<Guest>({
    name: "x",
    perSessionData: () => ({ nick: "" }),
    open: (_wsi, user) => is<Guest>()(user, true),
  });
});

Deno.test("a member of another name is an error of the compiler, as is one of another type", () => {
  const attempts = [
    // @ts-expect-error: no such member
    () => protocol({ name: "x", opne() {} }),
    // @ts-expect-error: no such member
    () => protocol({ name: "x", perSessionData: () => 1, onMessage() {} }),
    // @ts-expect-error: a callback is for a Protocol
    () => protocol({ name: "x", callback() {} }),
    // @ts-expect-error: without a name
    () => protocol({ open() {} }),
    // @ts-expect-error: a number that means nothing
    () => protocol({ name: "x", open: () => 1 as const }),
    // @ts-expect-error: what write returns
    () => protocol({ name: "x", message: (wsi, _user, data) => wsi.write(data) }),
  ];
  assertEquals(attempts.length, 6);
});

Deno.test("a method may return what subscribe and publish promise, and no other value", () => {
  protocol({
    name: "x",
    open: (wsi) => wsi.subscribe("news"),
    message: (wsi, _user, data) => wsi.publish("news", data),
    drain: (wsi) => wsi.send("more"),
    close: (wsi) => wsi.context.publish("news", "gone"),
    // @ts-expect-error: a promise of another value says nothing
    receivePing: () => Promise.resolve("pong"),
  });
  protocol({
    name: "x",
    // @ts-expect-error: a filter says yes or no
    filterProtocolConnection: (wsi) => wsi.context.publish("news", "one comes"),
  });
});
