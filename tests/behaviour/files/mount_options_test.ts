import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { toFileUrl } from "@std/path";
import { type ContextCreationInfo, createContext, handlers, LwsError } from "../../../mod.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { withFiles } from "../../support/folder.ts";

function faultsOf(info: unknown): string[] {
  const error = assertThrows(() => createContext(info as ContextCreationInfo), LwsError);
  assertEquals(error.code, "invalid-option");
  return error.message.split("\n");
}

const mounting = (...mounts: unknown[]) => ({ port: 80, network: new MemoryNetwork(), mounts });

Deno.test("each member of a mount is checked when the context is made, and named", () =>
  withFiles({ "x.txt": "" }, (folder) => {
    const cases: readonly [Record<string, unknown>, string][] = [
      [{ path: undefined }, "path is undefined"],
      [{ path: "static" }, 'path is "static"'],
      [{ path: "" }, 'path is ""'],
      [{ path: "/a//b" }, 'path is "/a//b"'],
      [{ path: "/a/../b" }, 'path is "/a/../b"'],
      [{ path: "/." }, 'path is "/."'],
      [{ path: "/a%20b" }, 'path is "/a%20b"'],
      [{ path: "/a?b" }, 'path is "/a?..."'],
      [{ path: "/a\\b" }, 'path is "/a\\\\b"'],
      [{ path: "//" }, 'path is "//"'],
      [{ folder: undefined }, "folder is undefined"],
      [{ folder: 7 }, "folder is 7"],
      [{ folder: "" }, 'folder is ""'],
      [{ folder: "a\0b" }, "folder is "],
      [{ folder: new URL("http://localhost/") }, "folder is {…}"],
      [{ folder: new URL("file:///a%2fb") }, "folder is "],
      [{ folder: `${folder}/none` }, `folder is "${folder}/none"; allowed: a folder that is there`],
      [
        { folder: `${folder}/x.txt` },
        `folder is "${folder}/x.txt"; allowed: a folder, and no file`,
      ],
      [{ index: "" }, 'index is ""'],
      [{ index: "a/b" }, 'index is "a/b"'],
      [{ index: ".." }, 'index is ".."'],
      [{ index: true }, "index is true"],
      [{ cacheControl: 60 }, "cacheControl is 60"],
      [{ cacheControl: "" }, 'cacheControl is ""'],
      [{ cacheControl: "a\r\nb: c" }, "cacheControl is "],
      [{ listing: "yes" }, 'listing is "yes"'],
      [{ dotfiles: 1 }, "dotfiles is 1"],
      [{ compression: "br" }, 'compression is "br"'],
      [{ precompressed: "br" }, 'precompressed is "br"'],
      [{ precompressed: ["zip"] }, "precompressed is […]"],
      [{ precompressed: ["br", "br"] }, "precompressed is […]"],
    ];
    for (const [member, fault] of cases) {
      const faults = faultsOf(mounting({ path: "/", folder, ...member }));
      assertEquals(faults.length, 1, faults.join("\n"));
      assertStringIncludes(faults[0]!, `mounts[0].${fault}`);
    }
    return Promise.resolve();
  }));

Deno.test("unknown members, other values and a path used twice are refused by name", () =>
  withFiles({}, (folder) => {
    const one = { path: "/a", folder };
    assertEquals(faultsOf(mounting({ ...one, foldr: 1 })), [
      "mounts[0].foldr is no member of a mount; did you mean folder?",
    ]);
    for (const other of [null, "x", 1]) {
      assertStringIncludes(faultsOf(mounting(one, other))[0]!, "mounts[1] is ");
    }
    assertStringIncludes(faultsOf({ ...mounting(), mounts: one })[0]!, "mounts is {…}");
    const twice = faultsOf(mounting(one, { ...one, path: "/a/" }));
    assertEquals(twice, ['mounts[1].path is "/a/"; allowed: a path used once']);
    return Promise.resolve();
  }));

Deno.test("all faults of all mounts are told at once", () => {
  const faults = faultsOf(mounting({ path: "a", folder: 1 }, { path: "/", folder: "", index: 3 }));
  assertEquals(faults.length, 5);
});

Deno.test("a folder is a path, a relative one, or a file URL", () =>
  withFiles({}, async (folder) => {
    for (
      const each of [folder, `${folder}/`, toFileUrl(folder), ".", new URL(".", import.meta.url)]
    ) {
      await createContext(mounting({ path: "/", folder: each }) as ContextCreationInfo).destroy();
    }
  }));

Deno.test("protocols are needed where nothing is mounted", async () => {
  const network = new MemoryNetwork();
  assertStringIncludes(faultsOf({ port: 80, network })[0]!, "protocols is undefined");
  assertStringIncludes(faultsOf({ port: 80, network, mounts: [] })[0]!, "protocols is undefined");
  assertStringIncludes(faultsOf({ ...mounting(), protocols: [] })[0]!, "protocols is ");
  const protocols = [{ name: "x", callback: handlers({}) }];
  await createContext({ port: 80, network, mounts: [], protocols }).destroy();
});
