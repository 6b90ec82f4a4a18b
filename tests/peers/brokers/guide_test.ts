/** What docs/guide/scale.md shows, run as it stands there but for its ports. */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { type Context, createContext, protocol } from "../../../mod.ts";
import { LOOPBACK } from "../../support/patience.ts";
import { type Front, front } from "../front.ts";
import { NATS_SERVER, startNats } from "../nats/nats_server.ts";
import { HTTP_SETTINGS, nginx } from "../nginx.ts";
import { HAPROXY, NGINX } from "../peer.ts";
import { REDIS, startRedis } from "../redis/redis_server.ts";

const ROOT = fromFileUrl(new URL("../../../", import.meta.url));
const PAGE = Deno.readTextFileSync(`${ROOT}docs/guide/scale.md`);
const PROXIES = Deno.readTextFileSync(`${ROOT}docs/guide/proxies.md`);
const ROOMS = Array.from({ length: 15 }, (_, i) => `room-${i}`);

/** The blocks of a page in a language. */
function blocks(page: string, language: string): string[] {
  return page.split(`\`\`\`${language}\n`).slice(1).map((part) =>
    part.slice(0, part.indexOf("```"))
  );
}

/** The block in that language which has this in it. */
function block(page: string, language: string, part: string): string {
  const found = blocks(page, language).filter((each) => each.includes(part));
  assertEquals(found.length, 1, `${language} with ${part}`);
  return found[0]!;
}

/** `text` with another one in a place that has to be there, once. */
function replaced(text: string, place: string, other: string): string {
  assertEquals(text.split(place).length, 2, place);
  return text.replace(place, () => other);
}

/** Runs a program, which has to print what the comments beside its output say, and to end. */
async function prints(code: string): Promise<void> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, code);
  const flags = ["--quiet", "--no-prompt", "--config", `${ROOT}deno.json`, "--allow-net"];
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", ...flags, file],
    stdin: "null",
  });
  const { stdout, stderr } = await command.output();
  await Deno.remove(file);
  const [printed, complaints] = [stdout, stderr].map((each) => new TextDecoder().decode(each));
  // A server that is as old as Debian's is warned about.
  const complaint = complaints!.replace(
    /^\[[\d.]+\] WARN: nats-server .* is not maintained .*\n/gm,
    "",
  );
  const promised = [...code.matchAll(/^console\.log\(.*\); \/\/ (.*)$/gm)].map(([, text]) => text!);
  assertEquals([printed!.trimEnd().split("\n"), complaint], [promised, ""]);
}

const program = () => block(PAGE, "ts ignore", "resumeClient(");

REDIS.test("the guide's two nodes over Redis: a client goes on at the other one", async () => {
  await using server = await startRedis();
  await prints(replaced(program(), "redis://127.0.0.1:6379", server.url));
});

NATS_SERVER.test("the guide's two nodes over NATS: a client goes on at the other one", async () => {
  await using server = await startNats();
  const [imported, broker] = block(PAGE, "ts", "natsBroker").split("\n\n");
  const call = broker!.trimEnd().replace("const broker = ", "").replace(/;$/, "");
  const made = /redisBroker\(\{[^}]*\}\)/.exec(program())![0];
  const overNats = replaced(
    replaced(program(), made, call),
    'import { redisBroker } from "jsr:@x/lws/redis";',
    imported!,
  );
  await prints(replaced(overNats, "127.0.0.1:4222", `127.0.0.1:${server.port}`));
});

Deno.test("the guide's draining node ends", async () => {
  const code = block(PAGE, "ts", "spreadMs");
  await prints(`${code}\nconsole.log("ended"); // ended\n`);
});

/** A server that says its number to each that comes. */
function numbered(number: number): Context {
  const room = protocol({
    name: "room",
    path: "/chat/:room",
    allowedOrigins: ["*"],
    open: (wsi) => void wsi.write(`${number}`),
  });
  return createContext({ ...LOOPBACK, protocols: [room] });
}

/** The number that a room's connection gets. */
async function numberOf(port: number, room: string, search = ""): Promise<string> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/chat/${room}${search}`);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  socket.onmessage = ({ data }) => resolve(data);
  socket.onclose = () => reject(new Error("closed"));
  try {
    return await promise;
  } finally {
    socket.close();
    await new Promise((closed) => socket.onclose = closed);
  }
}

/** That a room is at one server, rooms are at both, and that those of one that is gone are at the other. */
async function keepsRooms(start: (ports: readonly number[]) => Promise<Front>): Promise<void> {
  await using one = numbered(1);
  await using two = numbered(2);
  await using proxy = await start([one.port, two.port]);
  const where = new Map<string, string>();
  for (const room of ROOMS) where.set(room, await numberOf(proxy.port, room));
  assertEquals(new Set(where.values()).size, 2);
  for (const room of ROOMS) {
    assertEquals(await numberOf(proxy.port, room, "?again"), where.get(room), room);
  }
  await one.destroy();
  for (const room of ROOMS) assertEquals(await numberOf(proxy.port, room), "2", room);
}

function withPorts(text: string, [one, two]: readonly number[]): string {
  return replaced(replaced(text, ":7681", `:${one}`), ":7682", `:${two}`);
}

HAPROXY.test("the guide's HAProxy has a room on one server, and on the other when that is gone", async () => {
  const whole = blocks(PROXIES, "haproxy")[0]!;
  await keepsRooms((ports) =>
    front({
      program: HAPROXY,
      config: (port) =>
        replaced(
          replaced(whole, "bind :80", `bind 127.0.0.1:${port}`),
          "  server one 127.0.0.1:7681\n",
          withPorts(blocks(PAGE, "haproxy")[0]!, ports),
        ),
      args: (file) => ["-db", "-q", "-f", file],
    })
  );
});

NGINX.test("the guide's nginx has a room on one server, and on the other when that is gone", async () => {
  const whole = blocks(PROXIES, "nginx")[0]!;
  const upstream = /upstream lws \{[^}]*\}\n/.exec(whole)![0];
  await keepsRooms((ports) => {
    const text = replaced(whole, upstream, withPorts(blocks(PAGE, "nginx")[0]!, ports));
    return nginx((port) =>
      `http {
  ${HTTP_SETTINGS}
  ${replaced(text, "listen 80;", `listen 127.0.0.1:${port};`)}
}`
    );
  });
});

Deno.test("the guide's plan adds up", () => {
  const nodesOfRoom = 40 * (1 - (39 / 40) ** 50);
  assertEquals(Math.round(nodesOfRoom), 29);
  assertEquals(Math.round(4_000 * nodesOfRoom / 1_000), 115);
  assertEquals(Math.round(20_000 * nodesOfRoom / 40 / 100), 144);
  assertEquals(Math.round((25_000 * (8 + 5)) / 1_000) + 150, 475);
  assert(PAGE.includes("29 of 40 nodes") && PAGE.includes("115,000/s") && PAGE.includes("14,400"));
});
