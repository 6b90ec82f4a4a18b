/** A strict reader of OpenMetrics text: what the specification of version 1.0.0 forbids is an error. */

export interface ReadFamily {
  readonly name: string;
  type?: string;
  unit?: string;
  help?: string;
  /** By the sample's labels, as they are written. */
  readonly samples: Map<string, number>;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const METADATA = /^# (TYPE|UNIT|HELP) (\S+) (.*)$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,(?!$)|$)/;
/** What a sample's name has behind that of its family. */
const SUFFIXES: Readonly<Record<string, string>> = { counter: "_total", gauge: "" };

/** @throws {Error} which names the line */
export function readOpenMetrics(text: string): Map<string, ReadFamily> {
  if (!text.endsWith("\n# EOF\n")) throw new Error("# EOF is not the last line");
  const families = new Map<string, ReadFamily>();
  let family: ReadFamily | undefined;
  for (const line of text.slice(0, -"# EOF\n".length - 1).split("\n")) {
    const fail = (why: string): never => {
      throw new Error(`${why}: ${line}`);
    };
    const begin = (name: string): ReadFamily => {
      if (family?.name === name) return family;
      if (families.has(name)) fail("a family comes twice");
      if (!NAME.test(name)) fail("no name");
      const begun: ReadFamily = { name, samples: new Map() };
      families.set(name, begun);
      return begun;
    };
    const metadata = METADATA.exec(line);
    if (metadata !== null) {
      const [, kind, name = "", value = ""] = metadata;
      family = begin(name);
      if (family.samples.size > 0) fail("metadata behind samples");
      const key = kind!.toLowerCase() as "type" | "unit" | "help";
      if (family[key] !== undefined) fail("metadata twice");
      if (key === "type" && !(value in SUFFIXES)) fail("no type that is known here");
      if (key === "unit" && !name.endsWith(`_${value}`)) fail("the unit does not end the name");
      if (key === "help" && /\\(?![\\n"])/.test(value)) fail("a help that is not escaped");
      family[key] = value;
      continue;
    }
    const sample = SAMPLE.exec(line) ?? fail("neither metadata nor a sample");
    const [, name, labels = "", value] = sample;
    if (family?.type === undefined || family.help === undefined) fail("a sample of no family");
    if (name !== family!.name + SUFFIXES[family!.type!]) fail("a sample of another family");
    if (labels === "" && line.includes("{")) fail("no labels in braces");
    const seen = new Set<string>();
    for (let rest = labels; rest !== "";) {
      const label = LABEL.exec(rest) ?? fail("no labels");
      if (seen.has(label[1]!)) fail("a label twice");
      seen.add(label[1]!);
      rest = rest.slice(label[0].length);
    }
    const number = Number(value);
    if (!/^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(value!) || !Number.isFinite(number)) fail("no number");
    if (family!.type === "counter" && number < 0) fail("a counter below 0");
    const key = [...seen].length === 0 ? "" : labels;
    if (family!.samples.has(key)) fail("a sample twice");
    family!.samples.set(key, number);
  }
  return families;
}
