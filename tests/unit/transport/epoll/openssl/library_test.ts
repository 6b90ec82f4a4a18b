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

/** What a program with a permission is told of the network, without and with OpenSSL. */
async function told(...permission: string[]): Promise<string[]> {
  const url = import.meta.resolve("../../../../../src/transport/epoll/mod.ts");
  const code = `import { epollNetwork, isEpollAvailable } from "${url}";
    console.log(isEpollAvailable());
    for (const tls of ["runtime", "openssl"]) {
      try { epollNetwork({ tls }); console.log("made"); } catch (error) { console.log(error.code, error.message); }
    }`;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ...permission, `data:text/typescript,${encodeURIComponent(code)}`],
  }).output();
  return new TextDecoder().decode(stdout).trimEnd().split("\n");
}

const FOLDERS = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/lib64", "/usr/lib64"];

Deno.test("where its libraries are denied OpenSSL is refused, and the C library isn't", async () => {
  const denied = [...FOLDERS, "/usr/lib"].map((folder) => `${folder}/libssl.so.3`).join(",");
  const [isAvailable, runtime, openssl] = await told("--allow-ffi", `--deny-ffi=${denied}`);
  assertEquals([isAvailable, runtime], ["true", "made"]);
  assertStringIncludes(openssl!, 'permission-denied tls: "openssl" calls libssl.so.3; run with');
});

Deno.test("a list of paths, which gives no pointers, is refused for what it is", async () => {
  const files = ["libc.so.6", "libssl.so.3", "libcrypto.so.3"];
  const paths = [...FOLDERS, "/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/usr/lib"]
    .flatMap((folder) => files.map((file) => `${folder}/${file}`));
  for (const permission of [[], [`--allow-ffi=${paths.join(",")}`]]) {
    const [isAvailable, ...refusals] = await told(...permission);
    assertEquals(isAvailable, "false");
    for (const each of refusals) {
      assertStringIncludes(each, "permission-denied the epoll network calls the C library");
      assertStringIncludes(each, "run with --allow-ffi, without a list of paths");
    }
    assertEquals(refusals.length, 2);
  }
});
