import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { LwsError } from "../../../../../src/base/errors.ts";
import { epollNetwork, type EpollOptions } from "../../../../../src/transport/epoll/mod.ts";
import { openOpenssl } from "../../../../../src/transport/epoll/openssl/library.ts";

const opened = openOpenssl();

Deno.test("OpenSSL is opened once a program", () => {
  assertEquals(openOpenssl() === opened, true);
});

Deno.test("what epollNetwork doesn't know is refused by name", () => {
  const refusal = (options: unknown) =>
    assertThrows(() => epollNetwork(options as EpollOptions), LwsError).message;
  assertStringIncludes(
    refusal({ tls: "gnutls" }),
    'tls is "gnutls"; allowed: "runtime" or "openssl"',
  );
  assertStringIncludes(refusal({ busyWait: 1 }), "did you mean busyWaitMs?");
});

Deno.test("a list of libraries is refused: the runtime grants no pointers with it", async () => {
  const url = import.meta.resolve("../../../../../src/transport/epoll/mod.ts");
  const code = `import { epollNetwork, isEpollAvailable } from "${url}";
    console.log(isEpollAvailable());
    try { epollNetwork(); } catch (error) { console.log(error.code, error.message); }`;
  const libc = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6"].join(",");
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      `--allow-ffi=${libc}`,
      `data:text/typescript,${encodeURIComponent(code)}`,
    ],
  }).output();
  const printed = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assertStringIncludes(printed, "false\npermission-denied");
  assertStringIncludes(
    printed,
    "run with --allow-ffi (a list of libraries behind it is not enough",
  );
});
