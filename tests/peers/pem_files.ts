/** Certificates as the files that foreign programs want. */

/** Writes PEM files, by their names without `.pem`, that last as long as `run`. */
export async function withFiles<Name extends string, Result>(
  texts: Readonly<Record<Name, string>>,
  run: (paths: Readonly<Record<Name, string>>) => Promise<Result>,
): Promise<Result> {
  const folder = await Deno.makeTempDir();
  try {
    const paths = {} as Record<Name, string>;
    for (const name of Object.keys(texts) as Name[]) {
      paths[name] = `${folder}/${name}.pem`;
      await Deno.writeTextFile(paths[name], texts[name]);
    }
    return await run(paths);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
