/** Unix sockets by `Deno.listen` and `Deno.connect`, elsewhere by `node:net`. */

import { spawnSync } from "node:child_process";
import process from "node:process";
import type { StreamConn, StreamListener } from "../api/network.ts";
import { LwsError } from "../base/errors.ts";
import { isDeno, runtime } from "../base/runtime/runtime.ts";
import { connectUnixByNode, listenUnixByNode } from "./node_stream.ts";

/** The most bytes of a path in Linux's `sockaddr_un`, with room for the NUL behind it. */
const LONGEST_PATH = 107;

/**
 * Listens on a unix socket. A file that is left of a listener which is gone is removed first; the
 * file goes when the listener is closed.
 *
 * @param path the file, or `@` and a name in Linux's abstract namespace
 * @param mode the file's permissions: users that may write may connect
 * @throws {LwsError} `address-in-use` when a process listens there, or the file is no socket;
 *   `invalid-option` when the path can't be a socket's.
 */
export function listenUnix(path: string, mode?: number): StreamListener {
  const listener = bindUnix(
    path,
    mode,
    (real) => isDeno ? Deno.listen({ transport: "unix", path: real }) : listenUnixByNode(real),
  );
  return {
    addr: { hostname: `unix:${path}`, port: 0 },
    accept: () => listener.accept(),
    close: () => listener.close(),
  };
}

/**
 * As {@linkcode listenUnix}, by whatever means.
 *
 * @param bind Listens; its path begins with a NUL for an abstract name. It throws the runtime's
 *   `AddrInUse` when that is taken.
 */
export function bindUnix<Bound extends { close(): void }>(
  path: string,
  mode: number | undefined,
  bind: (real: string) => Bound,
): Bound {
  const real = checkPath(path);
  const isFile = real[0] !== "\0";
  if (!isFile && mode !== undefined) {
    throw new LwsError("invalid-option", `${path} is no file, and can't have a mode`);
  }
  const bindMasked = () => mode === undefined ? bind(real) : withMode(real, mode, bind);
  try {
    return bindMasked();
  } catch (error) {
    if (!(error instanceof runtime.errors.AddrInUse)) throw error;
    if (!isFile) throw inUse(path, "somebody listens there", error);
    removeStale(path, error);
    return bindMasked();
  }
}

/** Connects to a unix socket. Rejects as {@linkcode Network.connect} does. */
export function connectUnix(path: string, signal: AbortSignal): Promise<StreamConn> {
  const real = checkPath(path);
  signal.throwIfAborted();
  if (!isDeno) return connectUnixByNode(real, signal);
  // The runtime takes no signal here, and a full backlog makes it wait.
  const { promise, resolve, reject } = Promise.withResolvers<StreamConn>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  Deno.connect({ transport: "unix", path: real }).then((conn) => {
    signal.removeEventListener("abort", abort);
    if (signal.aborted) conn.close();
    else resolve(conn);
  }, (error) => {
    signal.removeEventListener("abort", abort);
    reject(error);
  });
  return promise;
}

/**
 * The path as the system wants it: an abstract name has a NUL in front.
 *
 * @throws {LwsError} `invalid-option`
 */
export function checkPath(path: string): string {
  const refuse = (why: string) => {
    throw new LwsError("invalid-option", `${JSON.stringify(path)} is no unix socket: ${why}`);
  };
  if (path === "" || path === "@") refuse("it is empty");
  if (path.includes("\0")) refuse("it has a NUL; abstract names begin with @");
  const size = new TextEncoder().encode(path).length;
  if (size > LONGEST_PATH) refuse(`it has ${size} bytes, and ${LONGEST_PATH} is the most`);
  if (path[0] !== "@") return path;
  if (runtime.build.os !== "linux") refuse("only Linux has abstract names");
  return `\0${path.slice(1)}`;
}

function withMode<Bound extends { close(): void }>(
  path: string,
  mode: number,
  bind: (real: string) => Bound,
): Bound {
  // With the mask no other user can connect before the mode is set; without that permission one might.
  const canMask = runtime.permissions.querySync({ name: "sys", kind: "umask" as "uid" });
  const mask = canMask.state === "granted" ? runtime.umask(0o777 & ~mode) : undefined;
  let bound: Bound;
  try {
    bound = bind(path);
  } finally {
    if (mask !== undefined) runtime.umask(mask);
  }
  try {
    runtime.chmodSync(path, mode);
  } catch (error) {
    bound.close();
    throw error;
  }
  return bound;
}

/** Removes a socket on which no process listens. */
function removeStale(path: string, cause: Error): void {
  if (!isSocket(path)) throw inUse(path, "the file is no socket", cause);
  if (isListenedOn(path)) throw inUse(path, "somebody listens there", cause);
  try {
    runtime.removeSync(path);
  } catch (error) {
    if (!(error instanceof runtime.errors.NotFound)) throw error;
  }
}

/** A symbolic link is none: what it leads to must not be removed. */
function isSocket(path: string): boolean {
  try {
    return runtime.lstatSync(path).isSocket === true;
  } catch (error) {
    if (error instanceof runtime.errors.NotFound) return true;
    throw error;
  }
}

/** Says 1 when a process listens, 2 when none does, 3 when that can't be found out. */
const PROBE = `onmessage = async ({ data: { path, answer } }) => {
  let found = 3;
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    found = 1;
  } catch (error) {
    if (error.name === "ConnectionRefused" || error.name === "NotFound") found = 2;
  }
  Atomics.store(answer, 0, found);
  Atomics.notify(answer, 0);
};`;
const NOBODY = 2;
const PROBE_MS = 3000;

/**
 * Whether a process listens; yes where that can't be found out, or takes long. Listening is one
 * synchronous step and connecting isn't, so that a worker does it, in some ten milliseconds.
 */
function isListenedOn(path: string): boolean {
  if (!isDeno) return isListenedOnByNode(path);
  const answer = new Int32Array(new SharedArrayBuffer(4));
  const source = `data:text/javascript,${encodeURIComponent(PROBE)}`;
  const worker = new Worker(source, { type: "module" });
  try {
    worker.postMessage({ path, answer });
    Atomics.wait(answer, 0, 0, PROBE_MS);
  } finally {
    worker.terminate();
  }
  return answer[0] !== NOBODY;
}

/** As {@linkcode PROBE}, by a process, which Node and Bun both wait for. */
const NODE_PROBE = `require("node:net").connect(process.env.LWS_PROBED)
  .on("connect", () => process.exit(1))
  .on("error", ({ code }) => process.exit(code === "ECONNREFUSED" || code === "ENOENT" ? ${NOBODY} : 3));`;

function isListenedOnByNode(path: string): boolean {
  const { status } = spawnSync(process.execPath, ["-e", NODE_PROBE], {
    env: { ...process.env, LWS_PROBED: path },
    stdio: "ignore",
    timeout: PROBE_MS,
  });
  return status !== NOBODY;
}

function inUse(path: string, why: string, cause: Error): LwsError {
  return new LwsError("address-in-use", `${path} is in use: ${why}`, { cause });
}
