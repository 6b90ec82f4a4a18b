/** What TLS costs each server: messages a second with it, and without it, in the same turn. */

import { type Contender, type ContenderId, OURS, OURS_OPENSSL, securing } from "../contenders.ts";
import type { Figure } from "../results.ts";
import { type ServerProcess, startServer } from "../server_process.ts";
import { takeTurns } from "../turns.ts";
import { makeSelfSigned } from "../../../tests/support/certificates.ts";
import { type Bench, type Case, leftOut } from "./case.ts";
import { readShape, type Shape } from "./throughput.ts";

const PREFIX = "tls-";
/** Those of a quick run. */
const QUICK: readonly ContenderId[] = [OURS, OURS_OPENSSL, "ws-deno", "bun"];

const FIGURES: readonly Figure[] = [
  { name: "plainPerSecond", title: "plain messages/s" },
  { name: "messagesPerSecond", title: "with TLS", better: "more" },
  { name: "ofPlain", title: "of plain", digits: 2 },
  { name: "plainCpu", title: "plain CPU µs/message", digits: 1 },
  { name: "cpu", title: "with TLS", digits: 1, better: "less" },
];

/** The case that has a name such as `tls-16x4x65536`. */
export function tlsCaseNamed(name: string): Case | undefined {
  const shape = name.startsWith(PREFIX) ? readShape(name.slice(PREFIX.length)) : undefined;
  return shape && tlsCase(shape, false);
}

/** The case of a shape. */
export function tlsCase(shape: Shape, isQuick: boolean): Case {
  const [connections, pipeline, size] = shape;
  const name = PREFIX + shape.join("x");
  const unit = connections === 1 ? "connection" : "connections";
  const title = `${connections} ${unit}, ${pipeline} in flight on each, ${size} bytes, over TLS`;
  const head = { name, title, figures: FIGURES };
  return {
    name,
    isQuick,
    needs: "secures",
    async measure(bench) {
      const { load, effort, contenders } = bench;
      if (load.withoutTls !== undefined) return leftOut(head, load.withoutTls);
      const wanted = contenders.filter(({ id }) => !effort.isQuick || QUICK.includes(id));
      await using folder = await certificateFolder();
      // One without TLS beside each with it; it has nothing to do in the other's time.
      const plain = new Map<ContenderId, ServerProcess>();
      try {
        const taken = await takeTurns({
          name,
          contenders: securing(wanted, folder.path),
          rounds: effort.rounds,
          async warmUp(server) {
            const companion = await startServer(plainOf(wanted, server));
            plain.set(server.contender.id, companion);
            await echo(bench, companion, shape, false, effort.warmup);
            await echo(bench, server, shape, true, effort.warmup);
          },
          async sample(server) {
            const companion = plain.get(server.contender.id)!;
            const without = await echo(bench, companion, shape, false, effort.seconds);
            const secured = await echo(bench, server, shape, true, effort.seconds);
            return {
              plainPerSecond: without.rate,
              messagesPerSecond: secured.rate,
              ofPlain: secured.rate / without.rate,
              plainCpu: without.cpu,
              cpu: secured.cpu,
            };
          },
        });
        return { ...head, ...taken, notes: [] };
      } finally {
        for (const server of plain.values()) await server[Symbol.asyncDispose]();
      }
    },
  };
}

function plainOf(contenders: readonly Contender[], { contender }: ServerProcess): Contender {
  return contenders.find(({ id }) => id === contender.id)!;
}

/** The rate of a run, and the server's processor time for a message, in µs. */
async function echo(
  { load, effort: { warmup } }: Bench,
  server: ServerProcess,
  [connections, pipeline, size]: Shape,
  tls: boolean,
  seconds: number,
): Promise<{ rate: number; cpu: number }> {
  const options = { server, connections, pipeline, size, warmup, seconds, tls };
  const { messagesPerSecond, cpuUs } = await load.throughput(options);
  return { rate: messagesPerSecond, cpu: cpuUs };
}

/** A folder with a certificate and its key, as {@linkcode securing} wants it; disposing of it removes it. */
export async function certificateFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const { cert, key } = await makeSelfSigned({ name: "localhost", hosts: ["localhost"] });
  const path = await Deno.makeTempDir();
  await Deno.writeTextFile(`${path}/cert.pem`, cert);
  await Deno.writeTextFile(`${path}/key.pem`, key);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
