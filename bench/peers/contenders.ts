/** The servers that are measured, how each is started, and which are missing on this machine. */

import { compile, here } from "./compile.ts";
import { nginxServing } from "./nginx_files.ts";
import { bunProgram, nodeProgram, ownPackage, WS_VERSION, wsForNode } from "./npm_packages.ts";
import { output, versionOf } from "./processes.ts";
import { epollNetwork, isEpollAvailable } from "../../src/transport/epoll/mod.ts";

/** A server that is here. */
export interface Contender {
  readonly id: ContenderId;
  readonly title: string;
  readonly version: string;
  /** The program and its arguments; takes a free port and tells which. */
  readonly command: readonly string[];
  /** Whether it is one of those that echo without TLS: no server of files alone, and none whose TLS is all that differs. */
  readonly echoes: boolean;
  /** Whether it has a server of files, see {@linkcode servingFiles}. */
  readonly servesFiles: boolean;
  /** Whether it has a server that answers by a function of the web's types, see {@linkcode answering}. */
  readonly answers: boolean;
  /** Whether it knows the path `/broadcast`. */
  readonly broadcasts: boolean;
  /** Whether it knows permessage-deflate, see {@linkcode compressing}. */
  readonly deflates: boolean;
  /** Whether it knows TLS, see {@linkcode securing}. */
  readonly secures: boolean;
}

/** A server that can't run here. */
export interface Missing {
  readonly id: ContenderId;
  readonly title: string;
  readonly reason: string;
}

/** This module's own server over the runtime's sockets, the first of each table. */
export const OURS = "lws";
/** The same one over the epoll network. */
export const OURS_EPOLL = "lws-epoll";
/** The same one with TLS by OpenSSL, which differs from it only there. */
export const OURS_OPENSSL = "lws-openssl";

/** All contenders, in the order of the tables. */
export const TITLES = {
  lws: "@x/lws",
  "lws-epoll": "@x/lws, epoll",
  "lws-openssl": "@x/lws, epoll, OpenSSL",
  "lws-node": "@x/lws on Node",
  "lws-bun": "@x/lws on Bun",
  deno: "Deno built-in",
  "ws-deno": "ws on Deno",
  "ws-node": "ws on Node",
  bun: "Bun",
  libwebsockets: "libwebsockets (C)",
  floor: "floor",
  "floor-epoll": "bare epoll loop",
  nginx: "nginx",
} as const;

export type ContenderId = keyof typeof TITLES;

/** Whether it is a server of this module, on Deno. */
export function isOurs(id: ContenderId): boolean {
  return id === OURS || id === OURS_EPOLL || id === OURS_OPENSSL;
}

/** What a contender's finder returns; it throws an error that says what is missing. */
type Found = Pick<Contender, "version" | "command">;

const ROOT_CONFIG = here("../../deno.json");

/** A script on this Deno; the lock file is the project's, and has none of the contenders. */
function serverOnDeno(script: string, ...args: readonly string[]): readonly string[] {
  return onDeno(script, "0", ...args);
}

/** The same for a script that listens to nothing. */
export function onDeno(script: string, ...args: readonly string[]): readonly string[] {
  const options = ["run", "-A", "--quiet", "--no-lock", "--config", ROOT_CONFIG];
  return [Deno.execPath(), ...options, here(`servers/${script}`), ...args];
}

const FINDERS: Record<ContenderId, (cache: string) => Promise<Found> | Found> = {
  lws: async () => ({ version: await ownVersion(), command: serverOnDeno("lws.ts") }),

  "lws-epoll": async () => {
    requireEpoll();
    return { version: await ownVersion(), command: serverOnDeno("lws.ts", "--epoll") };
  },

  "lws-openssl": async () => {
    requireEpoll();
    epollNetwork({ tls: "openssl" });
    return { version: await ownVersion(), command: serverOnDeno("lws.ts", "--openssl") };
  },

  "lws-node": async (cache) => await ownOn("Node", await nodeProgram(cache), cache),

  "lws-bun": async (cache) => await ownOn("Bun", await bunHere(cache), cache),

  deno: () => ({ version: Deno.version.deno, command: serverOnDeno("deno_builtin.ts") }),

  "ws-deno": async () => {
    const command = serverOnDeno("ws.mjs", `npm:ws@${WS_VERSION}`);
    const script = `await import("npm:ws@${WS_VERSION}")`;
    const { success, stderr } = await output([Deno.execPath(), "eval", "--no-lock", script]);
    if (!success) throw new Error(`npm:ws@${WS_VERSION} can't be loaded: ${firstLine(stderr)}`);
    return { version: `${WS_VERSION}, Deno ${Deno.version.deno}`, command };
  },

  "ws-node": async (cache) => {
    // Where there is none, this may be a stand-in of Deno's.
    const version = /^v(\d+\..*)$/.exec(await versionOf("node") ?? "")?.[1];
    if (version === undefined) throw new Error("there is no node on PATH");
    return {
      version: `${WS_VERSION}, Node ${version}`,
      command: ["node", here("servers/ws.mjs"), "0", await wsForNode(cache)],
    };
  },

  bun: async (cache) => {
    const program = await bunHere(cache);
    const version = await versionOf(program);
    return { version: version!, command: [program, here("servers/bun.ts"), "0"] };
  },

  libwebsockets: async (cache) => {
    const program = await compile("servers/libwebsockets.c", cache, "-lwebsockets")
      .catch((error: Error) => {
        if (!/libwebsockets\.h|-lwebsockets/.test(error.message)) throw error;
        throw new Error("its header or library is not there (Debian's libwebsockets-dev)");
      });
    const version = await versionOf(program);
    return { version: version!.replace(/-.*$/, ""), command: [program, "0"] };
  },

  floor: () => ({ version: `Deno ${Deno.version.deno}`, command: serverOnDeno("floor.ts") }),

  "floor-epoll": () => {
    requireEpoll();
    return { version: `Deno ${Deno.version.deno}`, command: serverOnDeno("floor_epoll.ts") };
  },

  nginx: async () => {
    const version = await nginxVersion();
    if (version === undefined) throw new Error("there is no nginx (Debian's nginx-light)");
    return { version, command: [NGINX] };
  },
};

/** Where Debian has it, which is not on every user's PATH. */
const NGINX = "/usr/sbin/nginx";

const FILE_SERVERS: Partial<Record<ContenderId, string>> = {
  lws: "files_lws.ts",
  deno: "files_deno.ts",
  floor: "files_floor.ts",
};

/** How each answers by a function of the web's types. */
const ANSWERERS: Partial<Record<ContenderId, readonly string[]>> = {
  lws: [],
  "lws-epoll": ["--epoll"],
  deno: ["--builtin"],
  bun: [],
};

const BROADCASTERS: ReadonlySet<ContenderId> = new Set([
  "lws",
  "lws-epoll",
  "deno",
  "lws-node",
  "lws-bun",
  "ws-deno",
  "ws-node",
  "bun",
  "floor",
  "floor-epoll",
]);

const DEFLATERS: ReadonlySet<ContenderId> = new Set([
  "lws",
  "lws-epoll",
  "lws-node",
  "lws-bun",
  "ws-deno",
  "ws-node",
  "bun",
  "libwebsockets",
]);

const SECURERS: ReadonlySet<ContenderId> = new Set([
  "lws",
  "lws-epoll",
  "lws-openssl",
  "deno",
  "lws-node",
  "lws-bun",
  "ws-deno",
  "ws-node",
  "bun",
]);

/** Those that know TLS, with the certificate `cert.pem` and the key `key.pem` of a folder. */
export function securing(contenders: readonly Contender[], folder: string): Contender[] {
  return contenders.filter(({ secures }) => secures)
    .map((each) => ({ ...each, command: [...each.command, "--tls", folder] }));
}

/** Those that serve files, set up to serve those of a folder. */
export async function servingFiles(
  contenders: readonly Contender[],
  folder: string,
): Promise<Contender[]> {
  const serving = contenders.filter(({ servesFiles }) => servesFiles).map(async (each) => {
    const script = FILE_SERVERS[each.id];
    const command = script === undefined
      ? await nginxServing(NGINX, folder)
      : serverOnDeno(script, folder);
    return { ...each, command };
  });
  return await Promise.all(serving);
}

/** Those that answer by a function of the web's types, set up to do so. */
export function answering(contenders: readonly Contender[]): Contender[] {
  const script = "answers.ts";
  return contenders.filter(({ answers }) => answers).map((each) => ({
    ...each,
    command: each.id === "bun"
      ? [each.command[0]!, here(`servers/${script}`), "0"]
      : serverOnDeno(script, ...ANSWERERS[each.id]!),
  }));
}

/** Ours, as servers that publish to topics. */
export function publishing(contenders: readonly Contender[]): Contender[] {
  return contenders.filter(({ id }) => isOurs(id)).map((each) => {
    const more = each.id === OURS_EPOLL ? ["--epoll"] : [];
    const [program, verb, ...rest] = serverOnDeno("lws_topics.ts", ...more) as [
      string,
      ...string[],
    ];
    return { ...each, command: [program, verb!, "--v8-flags=--expose-gc", ...rest] };
  });
}

/** Those that know permessage-deflate, set up to agree to it, which they otherwise don't. */
export function compressing(contenders: readonly Contender[]): Contender[] {
  return contenders.filter(({ deflates }) => deflates)
    .map((each) => ({ ...each, command: [...each.command, "--deflate"] }));
}

/** Finds those that are wanted, one after the other. */
export async function findContenders(
  wanted: ReadonlySet<ContenderId>,
  cache: string,
): Promise<{ contenders: Contender[]; missing: Missing[] }> {
  const contenders: Contender[] = [];
  const missing: Missing[] = [];
  for (const id of Object.keys(TITLES) as ContenderId[]) {
    if (!wanted.has(id)) continue;
    const title = TITLES[id];
    try {
      const found = await FINDERS[id](cache);
      const abilities = {
        echoes: id !== "nginx" && id !== OURS_OPENSSL,
        servesFiles: id === "nginx" || FILE_SERVERS[id] !== undefined,
        answers: ANSWERERS[id] !== undefined,
        broadcasts: BROADCASTERS.has(id),
        deflates: DEFLATERS.has(id),
        secures: SECURERS.has(id),
      };
      contenders.push({ id, title, ...found, ...abilities });
    } catch (error) {
      missing.push({ id, title, reason: (error as Error).message });
    }
  }
  return { contenders, missing };
}

async function nginxVersion(): Promise<string | undefined> {
  try {
    // It writes to standard error.
    return /nginx\/(\S+)/.exec((await output([NGINX, "-v"])).stderr)?.[1];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function bunHere(cache: string): Promise<string> {
  return await versionOf("bun") === undefined ? await bunProgram(cache) : "bun";
}

/** The package for npm, in another runtime. */
async function ownOn(runtime: string, program: string, cache: string): Promise<Found> {
  const version = (await versionOf(program))!.replace(/^v/, "");
  return {
    version: `${await ownVersion()}, ${runtime} ${version}`,
    command: [program, here("servers/lws_npm.mjs"), "0", await ownPackage(cache)],
  };
}

async function ownVersion(): Promise<string> {
  return (JSON.parse(await Deno.readTextFile(ROOT_CONFIG)) as { version: string }).version;
}

function requireEpoll(): void {
  if (isEpollAvailable()) return;
  throw new Error("the epoll network needs Linux on x86-64 or arm64, and a C library");
}

function firstLine(text: string): string {
  return text.trim().split("\n")[0]!;
}
