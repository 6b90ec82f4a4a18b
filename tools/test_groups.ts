/**
 * The unit tests of a folder as one module, for `deno task test`: in isolates of their own they would load the
 * same modules again and again. Each file keeps its line in the output, by a mark behind its tests.
 */

const ROOT = new URL("../", import.meta.url);
/** What a mark's name begins with; the file's follows. */
export const MARK = "@file ";

function testsBelow(folder: URL): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    if (isDirectory) return testsBelow(new URL(`${name}/`, folder));
    return name.endsWith("_test.ts") ? [new URL(name, folder).href] : [];
  }).sort();
}

/** Writes a module into `to` for each folder below tests/unit; returns how many files those test. */
export async function writeGroups(to: string): Promise<number> {
  const files = testsBelow(new URL("tests/unit/", ROOT));
  const folders = Map.groupBy(files, (file) => file.slice(ROOT.href.length, file.lastIndexOf("/")));
  for (const [folder, group] of folders) {
    // One import after the other, so that a file's tests are in front of its mark.
    const lines = group.map((file) =>
      `await import(${JSON.stringify(file)});\n` +
      `Deno.test.ignore(${JSON.stringify(MARK + file.slice(ROOT.href.length))}, () => {});\n`
    );
    await Deno.writeTextFile(`${to}/${folder.replaceAll("/", ".")}_test.ts`, lines.join(""));
  }
  return files.length;
}

/** A line of the report; the summary counts the marks as tests that are ignored. */
export function withoutMarks(line: string, marks: number): string {
  if (!/^(ok|FAILED) \| /.test(line)) return line;
  return line.replace(/ \| (\d+) ignored/, (_, count) => {
    const ignored = Number(count) - marks;
    return ignored > 0 ? ` | ${ignored} ignored` : "";
  });
}
