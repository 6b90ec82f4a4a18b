/**
 * Any call of the system's fails now and then, under load, by a seed: no connection is lost but those that met a
 * fault, and nothing is left. `LWS_FAULT_SEEDS=1000` runs so many more.
 */

import { assert, assertEquals } from "@std/assert";
import type { constants } from "node:os";
import { type Context, type ContextCreationInfo, createContext } from "../../../mod.ts";
import { type Libc, openLibc } from "../../../src/transport/epoll/libc.ts";
import { isEpollAvailable } from "../../../src/transport/epoll/mod.ts";
import { EpollNetwork } from "../../../src/transport/epoll/network.ts";
import { runtimeNetwork } from "../../runtime_network.ts";
import { failing, systemError } from "../../support/faults/failing.ts";
import { watchedNetwork } from "../../support/faults/watched_network.ts";
import { LOOPBACK, PATIENT } from "../../support/patience.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { FaultyLibc } from "../../unit/transport/epoll/faulty_libc.ts";

const CLIENTS = 12;
const MESSAGES = 8;

/** Numbers from 0 to 1, the same ones for a seed (mulberry32). */
function random(seed: number): () => number {
  return () => {
    seed = seed + 0x6D2B79F5 | 0;
    let mixed = Math.imul(seed ^ seed >>> 15, 1 | seed);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  };
}

type Code = keyof typeof constants.errno;
const LIBC_FAULTS: Partial<Record<keyof Libc, readonly Code[]>> = {
  accept4: ["EMFILE", "ENFILE", "ECONNABORTED", "EINTR", "ENOMEM"],
  recv: ["ECONNRESET", "EINTR", "EAGAIN", "ENOMEM", "EIO"],
  send: ["EPIPE", "EINTR", "EAGAIN", "ENOBUFS", "EIO"],
  epoll_wait: ["EINTR"],
  epoll_ctl: ["ENOMEM", "ENOSPC"],
  eventfd_read: ["EAGAIN"],
  setsockopt: ["ENOMEM"],
  shutdown: ["ENOTCONN"],
};

/** A server with faults below it, and how to end them. */
interface Faulted {
  readonly info: Partial<ContextCreationInfo>;
  /** Begins them. */
  begin(): void;
  end(): void;
  faults(): number;
  left(): readonly number[];
}

function overEpoll(next: () => number): Faulted {
  const faulty = new FaultyLibc();
  let made = 0;
  return {
    info: { network: new EpollNetwork(faulty.libc, 1) },
    begin() {
      faulty.judge = (name, args) => {
        const codes = LIBC_FAULTS[name];
        // What the library never asks again for, as it can't fail, is left alone.
        if (codes === undefined || (name === "epoll_ctl" && args[1] === 2)) return undefined;
        if (next() > 0.03) return undefined;
        made++;
        const code = codes[Math.floor(next() * codes.length)]!;
        // There is no connection then that would have to be told.
        return name === "shutdown" ? faulty.saysItFails(code) : faulty.fails(code);
      };
    },
    end: () => faulty.judge = () => undefined,
    faults: () => made,
    left: () => [...faulty.descriptors],
  };
}

function overRuntime(next: () => number): Faulted {
  const watched = watchedNetwork();
  const stubs: { failed: number; [Symbol.dispose](): void }[] = [];
  let isOn = false;
  const isIt = () => isOn && next() < 0.03;
  return {
    info: { network: watched.network },
    begin() {
      isOn = true;
      const none = () => systemError("EMFILE", "Too many open files");
      stubs.push(failing(watched.listener, "accept", { times: Infinity, isIt, error: none }));
      watched.onAccept = (conn) => {
        for (const call of ["read", "write", "closeWrite", "setNoDelay"] as const) {
          const error = () => systemError("ECONNRESET", "Connection reset", "ConnectionReset");
          stubs.push(failing(conn, call, { times: Infinity, isIt, error }));
        }
      };
    },
    end: () => isOn = false,
    faults: () => stubs.reduce((sum, each) => sum + each.failed, 0),
    left: () => [],
  };
}

/** Connects and echoes; whether all came back as it was. */
async function talk(clients: Context, url: string, name: string): Promise<boolean> {
  try {
    const client = await clients.dial(url, { protocol: "echo" });
    const messages = client.messages()[Symbol.asyncIterator]();
    for (let i = 0; i < MESSAGES; i++) {
      const text = `${name} ${i} ${"x".repeat(i % 4 * 1000)}`;
      client.write(text);
      const { value, done } = await messages.next();
      if (done) return false;
      assertEquals(`${value}`, text, "what comes is right, or nothing comes");
    }
    client.close();
    return true;
  } catch (error) {
    if (error instanceof Error && error.name === "AssertionError") throw error;
    return false;
  }
}

async function run(seed: number, faultsOver: (next: () => number) => Faulted): Promise<void> {
  using _log = captureLog([]);
  const faulted = faultsOver(random(seed));
  const echo = record("echo", { receive: (wsi, _user, data) => void wsi.write(data, "text") });
  const server = createContext({ ...LOOPBACK, ...faulted.info, protocols: [echo.protocol] });
  const isEpoll = faulted.info.network instanceof EpollNetwork;
  const clients = createContext({
    ...PATIENT,
    network: isEpoll ? new EpollNetwork(openLibc(), 1) : runtimeNetwork,
    port: -1,
    protocols: [record("echo").protocol],
  });
  const url = `ws://127.0.0.1:${server.port}/`;
  faulted.begin();
  const names = Array.from({ length: CLIENTS }, (_, i) => `${i}`);
  const outcomes = await Promise.all(names.map((name) => talk(clients, url, name)));
  faulted.end();
  const lost = outcomes.filter((isWhole) => !isWhole).length;
  assert(lost <= faulted.faults(), `${lost} lost by ${faulted.faults()} faults`);
  assertEquals(await talk(clients, url, "behind"), true, "all is well again");
  await clients.destroy();
  await server.destroy();
  const count = (reason: string) => echo.reasons.filter((each) => each === reason).length;
  assertEquals(count("closed"), count("established"));
  assertEquals([server.stats().servers.now, ...faulted.left()], [0]);
}

const more = Number(Deno.env.get("LWS_FAULT_SEEDS") ?? 0);
const seeds = [1, 2, 3, ...Array.from({ length: more }, (_, i) => 1000 + i)];
for (const seed of seeds) {
  Deno.test(`faults of the runtime's sockets at random, seed ${seed}`, () =>
    run(seed, overRuntime));
  const isMissing = !isEpollAvailable();
  Deno.test({
    name: `faults of the C library at random, seed ${seed}${isMissing ? " (needs Linux)" : ""}`,
    ignore: isMissing,
    fn: () => run(seed, overEpoll),
  });
}
