/** A server and its clients under faults at random: nobody is lost but those that met one, and nothing is left. */

import { assert, assertEquals } from "@std/assert";
import { type Context, type ContextCreationInfo, createContext } from "../../../mod.ts";
import { LOOPBACK, PATIENT } from "../patience.ts";
import { captureLog, record } from "../recorder.ts";

const CLIENTS = 12;
const MESSAGES = 8;

/** Faults below a server and its clients. */
export interface Faulted {
  readonly server: Partial<ContextCreationInfo>;
  readonly clients: Partial<ContextCreationInfo>;
  /** As that of a URL. Default: `ws`. */
  readonly scheme?: "wss";
  /** Begins them: a connection that stands already meets none, where they can be told apart. */
  begin(): void;
  end(): void;
  /** How many there were. */
  faults(): number;
  /** Whether the one that stood before has to go on. */
  readonly sparesFirst?: boolean;
  /** What is still held when all is over, and what it should be. Default: undefined. */
  left(): unknown;
  readonly nothing?: unknown;
}

/** Connects and echoes, so often; whether all came back as it was. */
async function talk(context: Context, url: string, name: string): Promise<boolean> {
  try {
    const client = await context.dial(url, { protocol: "echo" });
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

/** Stands, and echoes; throws when anything fails. */
async function standing(
  context: Context,
  url: string,
): Promise<(isOver: () => boolean) => Promise<void>> {
  const client = await context.dial(url, { protocol: "echo" });
  const messages = client.messages()[Symbol.asyncIterator]();
  return async (isOver) => {
    for (let i = 0; !isOver(); i++) {
      client.write(`well ${i}`);
      const { value, done } = await messages.next();
      assertEquals([`${value}`, done], [`well ${i}`, false], "who met no fault goes on");
    }
    client.close();
  };
}

/** Runs one. */
export async function storm(faulted: Faulted): Promise<void> {
  using _log = captureLog([]);
  const echo = record("echo", { receive: (wsi, _user, data) => void wsi.write(data, "text") });
  const own = record("echo");
  const server = createContext({ ...LOOPBACK, ...faulted.server, protocols: [echo.protocol] });
  const clients = createContext({
    ...PATIENT,
    ...faulted.clients,
    port: -1,
    protocols: [own.protocol],
  });
  const url = `${faulted.scheme ?? "ws"}://localhost:${server.port}/`;
  const goOn = faulted.sparesFirst ? await standing(clients, url) : undefined;
  let isOver = false;
  faulted.begin();
  const well = goOn?.(() => isOver);
  well?.catch(() => {});
  const names = Array.from({ length: CLIENTS }, (_, i) => `${i}`);
  const outcomes = await Promise.all(names.map((name) => talk(clients, url, name)));
  faulted.end();
  isOver = true;
  await well;
  const lost = outcomes.filter((isWhole) => !isWhole).length;
  assert(lost <= faulted.faults(), `${lost} lost by ${faulted.faults()} faults`);
  assertEquals(await talk(clients, url, "behind"), true, "all is well again");
  await clients.destroy();
  await server.destroy();
  const count = (reasons: readonly string[], reason: string) =>
    reasons.filter((each) => each === reason).length;
  assertEquals(count(echo.reasons, "closed"), count(echo.reasons, "established"));
  assertEquals(count(own.reasons, "closed"), count(own.reasons, "clientEstablished"));
  assertEquals([server.stats().servers.now, clients.stats().clients.now], [0, 0]);
  assertEquals(faulted.left(), faulted.nothing);
}
