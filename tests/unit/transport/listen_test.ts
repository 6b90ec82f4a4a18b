/** What listening says when it can't be done. */

import { assertEquals, assertThrows } from "@std/assert";
import { LwsError } from "../../../mod.ts";
import { listen } from "../../../src/transport/listen.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { runtimeNetwork } from "../../runtime_network.ts";
import type { Network, NetworkTarget } from "../../../src/api/network.ts";

const TARGET: NetworkTarget = { hostname: "127.0.0.1", port: 80 };

function failure(network: Network, target: NetworkTarget): [code: string, message: string] {
  const error = assertThrows(() => listen(network, target), LwsError);
  // What is not said by the transport itself has what was said as its cause.
  assertEquals(error.cause instanceof Error, network !== runtimeNetwork);
  return [error.code, error.message];
}

/** A network on which listening fails like this. */
function failing(error: Error): Network {
  return {
    listen() {
      throw error;
    },
    connect: () => Promise.reject(error),
  };
}

Deno.test("what is in use is named: a port, or a unix socket's path", () => {
  const network = new MemoryNetwork();
  for (
    const [target, message] of [
      [TARGET, "127.0.0.1 port 80 is in use; free it or listen on another"],
      [{ ...TARGET, path: "/x" }, "the unix socket /x is in use; free it or listen on another"],
    ] as const
  ) {
    const first = listen(network, target);
    assertEquals(failure(network, target), ["address-in-use", message]);
    first.close();
  }
});

Deno.test("what the transport says itself is said on, with its code", () => {
  assertEquals(failure(runtimeNetwork, { ...TARGET, hostname: "::1", disableIpv6: true }), [
    "invalid-option",
    "::1 is IPv6, which disableIpv6 turns off",
  ]);
  assertEquals(failure(runtimeNetwork, { ...TARGET, fd: 999_999 }), [
    "invalid-option",
    "can't listen on descriptor 999999; it must be open, and a TCP or unix socket",
  ]);
  assertEquals(failure(runtimeNetwork, { ...TARGET, path: "" }), [
    "invalid-option",
    '"" is no unix socket: it is empty',
  ]);
});

Deno.test("what the transport says itself comes as it was thrown, and not in another error", () => {
  const said = new LwsError("permission-denied", "not on a Sunday");
  assertEquals(assertThrows(() => listen(failing(said), TARGET)), said);
});

Deno.test("a permission that is missing is named, for a unix socket the file's too", () => {
  const denied = failing(new Deno.errors.NotCapable("no"));
  assertEquals(failure(denied, TARGET), [
    "permission-denied",
    "may not listen on 127.0.0.1 port 80; run with --allow-net",
  ]);
  assertEquals(failure(denied, { ...TARGET, path: "/x" }), [
    "permission-denied",
    "may not listen on the unix socket /x; run with --allow-net, --allow-read and --allow-write for the file",
  ]);
});

Deno.test("what the system denies has its words, and names no permission of the runtime's", () => {
  assertEquals(failure(failing(new Deno.errors.PermissionDenied("EACCES")), TARGET), [
    "permission-denied",
    "the system denies this user to listen on 127.0.0.1 port 80: EACCES",
  ]);
});

Deno.test("whatever else is wrong comes in the system's words", () => {
  assertEquals(failure(failing(new Error("a flood")), { ...TARGET, path: "/x" }), [
    "listen-failed",
    "can't listen on the unix socket /x: a flood",
  ]);
});
