/** A temporary folder with files of a test's own, and a server that mounts it. */

import { dirname, join } from "@std/path";
import type { ContextCreationInfo, Mount, Protocol } from "../../mod.ts";
import { serve, type Served } from "./serve.ts";

/** The content of each file by its path, `{ "sub/a.txt": "a" }`. */
export type Files = Readonly<Record<string, string | Uint8Array<ArrayBuffer>>>;

/** A folder that is removed at the end, with all that it has. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** PEM files that go with their test, by their names without `.pem`. */
export function pemFiles<Name extends string>(
  texts: Readonly<Record<Name, string>>,
): Disposable & { readonly paths: Readonly<Record<Name, string>> } {
  const folder = Deno.makeTempDirSync();
  const paths = {} as Record<Name, string>;
  for (const [name, text] of Object.entries<string>(texts)) {
    const path = paths[name as Name] = join(folder, `${name}.pem`);
    Deno.writeTextFileSync(path, text);
  }
  return { paths, [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }) };
}

/** A folder `public` with files, and `secret.txt` beside it. */
export async function withFiles(files: Files, run: (folder: string) => Promise<void>) {
  await using temporary = await temporaryFolder();
  const base = temporary.path;
  const folder = join(base, "public");
  await Deno.mkdir(folder);
  await Deno.writeTextFile(join(base, "secret.txt"), "secret");
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await Deno.mkdir(dirname(path), { recursive: true });
    await (typeof content === "string"
      ? Deno.writeTextFile(path, content)
      : Deno.writeFile(path, content));
  }
  await run(folder);
}

export interface MountOptions extends Partial<Mount> {
  readonly protocols?: readonly Protocol[];
  readonly info?: Partial<ContextCreationInfo>;
}

/** A server with one mount, at `/` unless told otherwise, and no protocol by default. */
export async function withMount(
  files: Files,
  options: MountOptions,
  run: (served: Served, folder: string) => Promise<void>,
): Promise<void> {
  const { protocols = [], info, ...mount } = options;
  await withFiles(files, async (folder) => {
    await using served = serve(protocols, { ...info, mounts: [{ path: "/", folder, ...mount }] });
    await run(served, folder);
  });
}
