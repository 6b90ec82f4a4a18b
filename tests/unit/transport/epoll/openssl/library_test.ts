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

Deno.test("without the permission for its libraries OpenSSL is refused, and the C library isn't", async () => {
  const url = import.meta.resolve("../../../../../src/transport/epoll/mod.ts");
  const code = `import { epollNetwork } from "${url}";
    epollNetwork();
    try { epollNetwork({ tls: "openssl" }); } catch (error) { console.log(error.code, error.message); }`;
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
  assertStringIncludes(printed, "permission-denied");
  assertStringIncludes(printed, "libcrypto.so.3; run with --allow-ffi");
});
