/** Handshakes that come to nothing, by the thousand, and what they leave behind. */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { memoryPair } from "../../../src/testing/memory_transport.ts";
import type { ClientSide, ServerSide } from "../../../src/tls/stack.ts";
import type { LwsError } from "../../../src/base/errors.ts";
import { makeCertificates } from "../certificates.ts";
import { Recorder } from "../transport_contract.ts";
import type { TestedStack } from "./stacks.ts";

const GARBAGE = new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n");
/** The begin of a client hello. */
const HALF = Uint8Array.fromHex("160301007b0100007703");
/** Of so many one goes the whole way, to be refused at its end: it needs keys, and is dear. */
const WHOLE = 50;
/**
 * What a handshake may leave, on average: half of what an `SSL` takes that has begun. The rest is the noise of the heap
 * and of the allocator, which doesn't grow with the number.
 */
const MOST_BYTES_EACH = 14 * 1024;

/** Has so many handshakes fail, one after the other, each in one of five ways. */
async function fail(server: ServerSide, stranger: ClientSide, count: number): Promise<void> {
  const verdicts = new Set<string>();
  for (let i = 0; i < count; i++) {
    const [near, far] = memoryPair();
    const shaking = server.secure(far);
    const done = shaking.done.then(() => "done", (error: LwsError) => error.code);
    const way = i % WHOLE === 0 ? "whole" : i % 4;
    if (way === "whole") {
      // It has said its part before it hears that it is not welcome.
      const made = await stranger.secure(near, { serverName: "localhost" }).done;
      const peer = new Recorder(made);
      await peer.until(() => peer.count("end") + peer.count("close") > 0);
      made.close();
    } else {
      const peer = new Recorder(near);
      peer.send(way === 0 ? GARBAGE : HALF);
      if (way === 1) peer.transport.end();
      else if (way === 2) near.reset(new Error("a cable was pulled"));
      else if (way === 3) shaking.close();
      await done;
      peer.transport.close();
    }
    verdicts.add(await done);
  }
  assertEquals([...verdicts].sort(), [
    "certificate-refused",
    "connection-closed",
    "tls-handshake-failed",
  ]);
}

/** Fails when failing handshakes keep memory: what is measured is the process, behind a first round. */
export async function assertFlat(stack: TestedStack, count: number): Promise<void> {
  const { ca, localhost, foreignClient: identity } = await makeCertificates();
  const clientCertificate = "require";
  const server = stack.server({ identity: localhost, ca: [ca.cert], clientCertificate });
  const stranger = stack.client({ ca: [ca.cert], disableOsCaCerts: true, identity });
  await fail(server, stranger, count / 2);
  const before = Deno.memoryUsage().rss;
  await fail(server, stranger, count);
  const grown = Deno.memoryUsage().rss - before;
  server.close?.();
  stranger.close?.();
  assert(grown < count * MOST_BYTES_EACH, `${count} handshakes left ${grown} bytes`);
}

/** As {@linkcode assertFlat}, of OpenSSL, in a process of its own: tests that run beside it share its memory else. */
export async function assertFlatApart(count: number): Promise<void> {
  const code = `import { assertFlat } from "${import.meta.url}";
    import { TLS_STACKS } from "${import.meta.resolve("./stacks.ts")}";
    await assertFlat(TLS_STACKS.find(({ name }) => name === "OpenSSL"), ${count});`;
  const config = fromFileUrl(new URL("../../../deno.json", import.meta.url));
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-check", "-A", "--config", config],
      `data:text/typescript,${encodeURIComponent(code)}`,
    ],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
}
