/** `openssl s_client` and `s_server`, as the tests run them. */

import type { TestIdentity } from "../../support/certificates.ts";
import { OPENSSL } from "../peer.ts";
import { withFiles } from "../pem_files.ts";

/** What `s_client` is told besides a port. */
export interface ClientRun {
  /** Its certificate. */
  readonly identity?: TestIdentity | undefined;
  /** Whom it trusts. */
  readonly ca?: string;
  readonly args?: readonly string[];
  /** @default a request for a page, behind which the connection ends */
  readonly lines?: string;
}

const GET = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/** All that `s_client` prints. */
export function askBy(port: number, run: ClientRun = {}): Promise<string> {
  const { identity, ca, args = [], lines } = run;
  const files = { ...ca !== undefined && { ca }, ...identity } as Record<string, string>;
  return withFiles(files, async (paths) => {
    const process = new Deno.Command(OPENSSL.path, {
      args: [
        ...["s_client", "-connect", `127.0.0.1:${port}`, "-servername", "localhost"],
        // Else a line that begins with a Q ends it, and with an R has a meaning as well.
        ...lines === undefined ? ["-ign_eof"] : [],
        ...ca === undefined ? [] : ["-CAfile", paths.ca!],
        ...identity === undefined ? [] : ["-cert", paths.cert!, "-key", paths.key!],
        ...args,
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = process.stdin.getWriter();
    // It may have ended by itself, refused.
    await writer.write(new TextEncoder().encode(lines ?? GET)).catch(() => {});
    const { stdout, stderr } = await process.output();
    await writer.close().catch(() => {});
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  });
}

/** A server that runs until it is disposed of. */
export interface RunningServer extends AsyncDisposable {
  readonly port: number;
  /** Types a line: what is sent, or a command. */
  type(line: string): Promise<void>;
  /** All that it has printed, once that has what is asked for, or it has ended. */
  printed(what: string): Promise<string>;
}

/** Starts `s_server` with files, whose names in its arguments become their paths. */
export async function serveBy(
  paths: Readonly<Record<string, string>>,
  args: readonly string[],
): Promise<RunningServer> {
  const process = new Deno.Command(OPENSSL.path, {
    args: ["s_server", "-accept", "127.0.0.1:0", ...args.map((each) => paths[each] ?? each)],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = process.stdin.getWriter();
  let text = "";
  let isOver = false;
  let whenMore = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const piece of process.stdout.pipeThrough(new TextDecoderStream())) {
      text += piece;
      whenMore.resolve();
      whenMore = Promise.withResolvers();
    }
    isOver = true;
    whenMore.resolve();
  })();
  const printed = async (what: string) => {
    while (!text.includes(what) && !isOver) await whenMore.promise;
    return text;
  };
  await printed("ACCEPT ");
  await printed("\n");
  return {
    port: Number(/^ACCEPT \S*:(\d+)$/m.exec(text)![1]),
    type: (line) => writer.write(new TextEncoder().encode(`${line}\n`)),
    printed,
    async [Symbol.asyncDispose]() {
      await writer.close().catch(() => {});
      try {
        process.kill("SIGKILL");
      } catch { /* It has ended by itself. */ }
      await process.status;
      await reading;
    },
  };
}
