/** The command lines of the examples: `--name value` and `--flag`. */

import {
  type ContextCreationInfo,
  type Extension,
  LwsError,
  permessageDeflate,
  type WireVersion,
} from "@x/lws";

/**
 * Reads options from the command line. `--help` ends the program with those that there are, and an unknown
 * one with what is wrong with it besides.
 */
export function readOptions<T extends Record<string, string | number | boolean>>(defaults: T): {
  options: T;
  rest: string[];
} {
  const options: Record<string, string | number | boolean> = { ...defaults };
  const rest: string[] = [];
  const args = [...Deno.args];
  for (let arg = args.shift(); arg !== undefined; arg = args.shift()) {
    if (!arg.startsWith("--")) {
      rest.push(arg);
      continue;
    }
    const [name = "", joined] = arg.slice(2).split("=", 2);
    if (name === "help") help(defaults);
    const standard = defaults[name];
    if (standard === undefined) fail(`there is no option --${name}`, defaults);
    if (typeof standard === "boolean") {
      options[name] = true;
      continue;
    }
    const value = joined ?? args.shift();
    if (value === undefined) fail(`--${name} needs a value`, defaults);
    if (typeof standard === "string") options[name] = value;
    else if (/^\d+$/.test(value)) options[name] = Number(value);
    else fail(`--${name} needs a number, not ${value}`, defaults);
  }
  return { options: options as T, rest };
}

/** The options with their defaults, in one line. */
function usage(defaults: Record<string, unknown>): string {
  const known = Object.entries(defaults).map(([name, value]) =>
    typeof value === "boolean" ? `[--${name}]` : `[--${name} ${value === "" ? "TEXT" : value}]`
  );
  return `options: ${known.join(" ")}`;
}

function help(defaults: Record<string, unknown>): never {
  // deno-lint-ignore no-console -- a program's own output
  console.log(usage(defaults));
  Deno.exit(0);
}

/** Ends the program with a word on what is wrong, and the options that there are. */
export function fail(problem: string, defaults: Record<string, unknown>): never {
  // deno-lint-ignore no-console -- a program's own output
  console.error(`${problem}\n${usage(defaults)}`);
  Deno.exit(2);
}

/**
 * What `begin` gives. Where the library can't do that, as on a port that is taken or with a file that can't be
 * read, the program ends with what is to be done about it, and without a stack.
 */
export function orEnd<T>(begin: () => Promise<T>): Promise<T>;
export function orEnd<T>(begin: () => T): T;
export function orEnd<T>(begin: () => T | Promise<T>): T | Promise<T> {
  try {
    const begun = begin();
    return begun instanceof Promise ? begun.catch(endFor) : begun;
  } catch (error) {
    return endFor(error);
  }
}

function endFor(error: unknown): never {
  const { AddrInUse, NotCapable, NotFound, PermissionDenied } = Deno.errors;
  const known = [LwsError, AddrInUse, NotCapable, NotFound, PermissionDenied];
  if (!(error instanceof Error) || !known.some((each) => error instanceof each)) throw error;
  // deno-lint-ignore no-console -- a program's own output
  console.error(error.message);
  Deno.exit(1);
}

/** The options of {@linkcode deflateExtensions}, for `readOptions`. */
export const DEFLATE_OPTIONS = { deflate: false, "deflate-takeover": false } as const;

/** What `--deflate` asks for, or `--deflate-takeover`, by which windows outlive their messages. */
export function deflateExtensions(
  options: { readonly [Name in keyof typeof DEFLATE_OPTIONS]: boolean },
): Extension[] {
  const takeover = options["deflate-takeover"];
  if (!options.deflate && !takeover) return [];
  return [permessageDeflate({
    serverNoContextTakeover: !takeover,
    clientNoContextTakeover: !takeover,
  })];
}

/** The options of {@linkcode tlsMembers}, for `readOptions`: paths of PEM files. */
export const TLS_OPTIONS = { cert: "", key: "", ca: "" } as const;

/** A certificate of one's own, its key, and the authorities to trust, as `createContext` takes them. */
export function tlsMembers(
  { cert, key, ca }: { readonly [Name in keyof typeof TLS_OPTIONS]: string },
  known: Record<string, unknown>,
): Partial<ContextCreationInfo> {
  if ((cert === "") !== (key === "")) fail("--cert and --key go together", known);
  return {
    ...cert !== "" && { sslCertFilepath: cert, sslPrivateKeyFilepath: key },
    ...ca !== "" && { sslCaFilepath: ca },
  };
}

const VERSIONS: readonly WireVersion[] = ["hixie-75", 0, 4, 5, 6, 7, 8, 13];

/** The versions of the protocol in a list such as `13,8,hixie-75`. */
export function readVersions(list: string, known: Record<string, unknown>): WireVersion[] {
  const versions = list.split(",").map((name) => {
    const version = VERSIONS.find((each) => String(each) === name);
    return version ?? fail(`--versions: "${name}" is none of ${VERSIONS.join(", ")}`, known);
  });
  const twice = versions.find((each, index) => versions.indexOf(each) !== index);
  if (twice !== undefined) fail(`--versions: ${twice} is there twice`, known);
  return versions;
}

/** Resolves at the first Ctrl-C or SIGTERM, and stops listening for them. */
export function untilInterrupted(): Promise<void> {
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  return new Promise((resolve) => {
    const stop = () => {
      for (const signal of signals) Deno.removeSignalListener(signal, stop);
      resolve();
    };
    for (const signal of signals) Deno.addSignalListener(signal, stop);
  });
}
