/** Foreign proxies with a server of ours behind them. */

import { assert, assertEquals } from "@std/assert";
import { type Context, type ContextCreationInfo, createContext } from "../../mod.ts";
import { assertSame, bytesOf, connectTo } from "./echo.ts";
import { type Program, start, untilListening } from "./peer.ts";
import { freePort } from "../support/free_port.ts";
import { PATIENT } from "../support/patience.ts";
import { named } from "../support/named.ts";

/** Where clients come from, so that nobody takes them for the proxy. */
export const CLIENT = "127.0.0.5";
/** What a client says of itself, which nobody is to believe. */
const LIE = "203.0.113.66";

/** A proxy that runs, and a folder of its own. */
export interface Front extends AsyncDisposable {
  readonly port: number;
}

/** How a program is started. */
export interface FrontOptions {
  readonly program: Program;
  /** The configuration for that port and that folder, which is the program's own. */
  readonly config: (port: number, folder: string) => string;
  /** The arguments for that file, in that folder. */
  readonly args: (file: string, folder: string) => string[];
}

/** Starts a proxy in the foreground; it ends with the `await using` scope. */
export async function front({ program, config, args }: FrontOptions): Promise<Front> {
  const folder = await Deno.makeTempDir();
  const port = freePort();
  const file = `${folder}/front.conf`;
  await Deno.writeTextFile(file, config(port, folder));
  const running = start(program.path, args(file, folder));
  const dispose = async () => {
    await running[Symbol.asyncDispose]();
    await Deno.remove(folder, { recursive: true });
  };
  try {
    await untilListening(port, running);
  } catch (error) {
    await dispose();
    throw error;
  }
  return { port, [Symbol.asyncDispose]: dispose };
}

/** Whom a server saw, at the network filter and in its callbacks. */
export interface Seen {
  readonly filtered: readonly string[];
  readonly established: readonly string[];
  readonly requested: readonly string[];
}

/**
 * Sends messages, a closing handshake and some HTTP requests through a proxy to a server of ours.
 *
 * @param info how the server is
 * @param inFront starts the proxy for that server
 */
export async function goThrough(
  info: Partial<ContextCreationInfo>,
  inFront: (server: Context) => Promise<Front>,
): Promise<Seen> {
  const filtered: string[] = [];
  const established: string[] = [];
  const requested: string[] = [];
  const echo = named("echo", {
    filterNetworkConnection(wsi, _user, fd) {
      filtered.push(wsi.context.peerAddresses(fd).ip);
    },
    established: (wsi) => void established.push(wsi.peerAddresses.ip),
    http(wsi) {
      requested.push(wsi.peerAddresses.ip);
      wsi.returnHttpStatus(200, "a page");
      return wsi.httpTransactionCompleted();
    },
    message(wsi, _user, message) {
      wsi.write(message, typeof message === "string" ? "text" : "binary");
    },
  });
  const where = info.socketPath === undefined ? { port: 0, iface: "127.0.0.1" } : {};
  await using server = createContext({ ...where, ...PATIENT, ...info, protocols: [echo] });
  await using proxy = await inFront(server);
  const from = { iface: CLIENT };
  const headers = [["X-Forwarded-For", LIE], ["Origin", `http://127.0.0.1:${proxy.port}`]] as const;
  {
    await using client = await connectTo(proxy.port, ["echo"], [], from, { headers: [headers[0]] });
    for (const message of ["hello", bytesOf(100_000), ""]) {
      client.wsi.write(message, typeof message === "string" ? "text" : "binary");
      assertSame(await client.receive(), message);
    }
    client.wsi.close(3001, "done");
    const { code, wasClean } = await client.closed;
    assertEquals({ code, wasClean }, { code: 3001, wasClean: true });
  }
  {
    // A page of the proxy's own may connect: the host is passed on.
    const [, [, origin]] = headers;
    await using client = await connectTo(proxy.port, ["echo"], [], from, { origin });
    client.wsi.write("from a page");
    assertEquals(await client.receive(), "from a page");
  }
  const http = Deno.createHttpClient({ localAddress: CLIENT });
  for (let i = 0; i < 3; i++) {
    const response = await fetch(`http://127.0.0.1:${proxy.port}/page`, {
      client: http,
      headers: { "X-Forwarded-For": LIE },
    });
    assertEquals(response.status, 200);
    assert((await response.text()).includes("a page"));
  }
  http.close();
  return { filtered, established, requested };
}

/** Asserts that a server saw the client where it can. */
export function assertSeen({ established, requested }: Seen): void {
  assertEquals(established, [CLIENT, CLIENT]);
  assertEquals(requested, [CLIENT, CLIENT, CLIENT]);
}
