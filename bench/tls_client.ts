/**
 * What a client's two kinds of TLS cost: the runtime's own, and `node:tls`, which `peerCertificate` asks for.
 * An echo server in a process of its own serves both, in turns.
 *
 *     deno run -A bench/tls_client.ts [rounds [seconds]]
 */

// deno-lint-ignore-file no-console -- a program's own output

import process from "node:process";
import { CONTEXT_PORT_NO_LISTEN, createContext, handlers } from "../mod.ts";
import { makeCertificates } from "../tests/support/certificates.ts";

const SIZES = [125, 64 * 1024];
const KINDS = [["the runtime's", false], ["`node:tls`", true]] as const;

/** What one measure of one kind showed. */
interface Measured {
  readonly perSecond: number;
  /** Microseconds of the client's processor time. */
  readonly cpuMicros: number;
}

const [role = "3", ...rest] = Deno.args;
if (role === "server") await serve();
else if (role === "client") await measureAll(Number(rest[0]), Number(rest[1]), Number(rest[2]));
else await direct(Number(role), Number(rest[0] ?? 2));

/** Runs both processes, the client's with the test's authority among those that the runtime trusts. */
async function direct(rounds: number, seconds: number): Promise<void> {
  const made = await makeCertificates();
  const folder = await Deno.makeTempDir();
  for (
    const [name, pem] of [["ca", made.ca.cert], ["cert", made.localhost.cert], [
      "key",
      made.localhost.key,
    ]]
  ) {
    await Deno.writeTextFile(`${folder}/${name}.pem`, pem!);
  }
  const spawn = (args: string[], stdout: "inherit" | "piped") =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", import.meta.filename!, ...args],
      env: { DENO_CERT: `${folder}/ca.pem`, TLS_FOLDER: folder },
      stdout,
    }).spawn();
  const server = spawn(["server"], "piped");
  const reader = server.stdout.getReader();
  const port = new TextDecoder().decode((await reader.read()).value).trim();
  await spawn(["client", port, String(rounds), String(seconds)], "inherit").status;
  server.kill();
  await reader.cancel();
  await server.status;
  await Deno.remove(folder, { recursive: true });
}

async function serve(): Promise<void> {
  const folder = Deno.env.get("TLS_FOLDER")!;
  const context = createContext({
    port: 0,
    iface: "127.0.0.1",
    sslCertFilepath: `${folder}/cert.pem`,
    sslPrivateKeyFilepath: `${folder}/key.pem`,
    protocols: [{
      name: "echo",
      callback: handlers({ message: (wsi, _user, message) => void wsi.write(message) }),
    }],
  });
  console.log(context.port);
  await context.closed;
}

async function measureAll(port: number, rounds: number, seconds: number): Promise<void> {
  const found = new Map<string, Measured[]>();
  const note = (what: string, kind: string, measured: Measured) => {
    const key = `| ${what} | ${kind} |`;
    found.set(key, [...found.get(key) ?? [], measured]);
  };
  for (let round = 0; round < rounds; round++) {
    for (const size of SIZES) {
      for (const [kind, peerCertificate] of KINDS) {
        note(`echoes of ${size} bytes`, kind, await echoes(port, size, seconds, peerCertificate));
      }
    }
    for (const [kind, peerCertificate] of KINDS) {
      note("handshakes", kind, await handshakes(port, seconds, peerCertificate));
    }
  }
  console.log("| what | TLS | a second | CPU µs of the client each |\n| - | - | -: | -: |");
  for (const [key, all] of found) {
    const middle = (of: (each: Measured) => number) =>
      all.map(of).sort((a, b) => a - b)[all.length >> 1]!.toFixed(0);
    console.log(
      `${key} ${middle((each) => each.perSecond)} | ${middle((each) => each.cpuMicros)} |`,
    );
  }
}

/** One connection, one message at a time. */
function echoes(
  port: number,
  size: number,
  seconds: number,
  peerCertificate: boolean,
): Promise<Measured> {
  const message = new Uint8Array(size);
  return measure(seconds, (count) => {
    const context = createContext({
      port: CONTEXT_PORT_NO_LISTEN,
      protocols: [{
        name: "echo",
        callback: handlers({
          clientEstablished: (wsi) => void wsi.write(message),
          message(wsi) {
            if (count()) wsi.write(message);
            else wsi.close(1000);
          },
        }),
      }],
    });
    context.clientConnect({ address: "localhost", port, ssl: 1, peerCertificate });
    return context;
  });
}

/** One connection after another, each closed once it is established. */
function handshakes(port: number, seconds: number, peerCertificate: boolean): Promise<Measured> {
  return measure(seconds, (count) => {
    const connect = () => {
      context.clientConnect({ address: "localhost", port, ssl: 1, peerCertificate });
    };
    const context = createContext({
      port: CONTEXT_PORT_NO_LISTEN,
      protocols: [{
        name: "echo",
        callback: handlers({
          clientEstablished(wsi) {
            if (count()) connect();
            wsi.close(1000);
          },
        }),
      }],
    });
    connect();
    return context;
  });
}

/** Counts for so long, behind a quarter of that which warms up. */
async function measure(
  seconds: number,
  begin: (count: () => boolean) => { destroy(): Promise<void> },
): Promise<Measured> {
  const { promise, resolve } = Promise.withResolvers<Measured>();
  const startedAt = performance.now();
  let from: { at: number; cpu: ReturnType<typeof process.cpuUsage> } | undefined;
  let counted = 0;
  const context = begin(() => {
    const now = performance.now();
    if (from === undefined) {
      if (now - startedAt >= seconds * 250) from = { at: now, cpu: process.cpuUsage() };
      return true;
    }
    counted++;
    const elapsed = now - from.at;
    if (elapsed < seconds * 1000) return true;
    const { user, system } = process.cpuUsage(from.cpu);
    resolve({ perSecond: counted / elapsed * 1000, cpuMicros: (user + system) / counted });
    return false;
  });
  const measured = await promise;
  await context.destroy();
  return measured;
}
