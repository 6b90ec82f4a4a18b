import { temporaryFolder } from "../support/folder.ts";
/** Certificates as the files that foreign programs want. */

/** Writes PEM files, by their names without `.pem`, that last as long as `run`. */
export async function withFiles<Name extends string, Result>(
  texts: Readonly<Record<Name, string>>,
  run: (paths: Readonly<Record<Name, string>>) => Promise<Result>,
): Promise<Result> {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  const paths = {} as Record<Name, string>;
  for (const name of Object.keys(texts) as Name[]) {
    paths[name] = `${folder}/${name}.pem`;
    await Deno.writeTextFile(paths[name], texts[name]);
  }
  return await run(paths);
}
