/**
 * Writes `src/base/version.ts` from the version in `deno.json`: with the hash of the commit before
 * publishing, and with `--unknown` back to what the repository holds.
 *
 *     deno task version && deno publish --allow-dirty; deno task version --unknown
 */

import { readTask } from "./task.ts";

/** What stands in place of the hash where nothing was published. */
export const UNKNOWN_HASH = "unknown-build-hash";

/** The text of `src/base/version.ts`. */
export function versionModule(version: string, hash: string): string {
  return `/** The version of this library. Written by \`tools/version.ts\`; the hash only where it is published. */

/**
 * The version and, behind a blank, the hash of the commit that was published; \`${UNKNOWN_HASH}\`
 * in a working copy (\`lws_get_library_version\`).
 *
 * @category Server and client
 */
export const libraryVersion: string = "${version} ${hash}";
`;
}

async function commitHash(): Promise<string> {
  const git = new Deno.Command("git", { args: ["rev-parse", "--short=9", "HEAD"] });
  const { success, stdout } = await git.output();
  if (!success) throw new Error("git tells no hash; is this a clone of the repository?");
  return new TextDecoder().decode(stdout).trim();
}

if (import.meta.main) {
  const isUnknown = readTask({
    name: "version",
    summary: "Writes src/base/version.ts, with the hash of the commit.",
    options: { unknown: { about: "without the hash, as the repository holds it" } },
  }, (args) => args.flag("unknown"));
  const root = new URL("../", import.meta.url);
  const { version } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
  const hash = isUnknown ? UNKNOWN_HASH : await commitHash();
  await Deno.writeTextFile(new URL("src/base/version.ts", root), versionModule(version, hash));
}
