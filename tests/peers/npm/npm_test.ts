/** The npm package in an empty project: each entry point and a whole conversation, in Node 22 and Bun. */

import { assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { makeAuthority } from "../../support/certificates.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { BUN, bunIn, NODE_VERSIONS, nodeIn, nodePackage } from "../../runtimes/versions.ts";
import { start } from "../peer.ts";
import { install, NPM, output } from "./packages.ts";

const ROOT = fromFileUrl(new URL("../../../", import.meta.url));
const COMPILER = ["typescript@5.9.3", "@types/node@22"];
const EXPRESS = "express@5.2.1";
/** The first two need a library of their own, which is not installed here; the last is no module. */
const NOT_ALONE = ["./redis", "./nats", "./package.json"];
const STRICT = ["--noEmit", "--strict", "--target", "es2024", "--types", "node"];
const WAYS = [
  ["--module", "nodenext", "--moduleResolution", "nodenext"],
  ["--module", "esnext", "--moduleResolution", "bundler"],
];

const HEARD = `plain permessage-deflate 250000,100000,3
handed permessage-deflate 250000,100000,3
tls permessage-deflate 250000,100000,3
unix permessage-deflate 250000,100000,3
no room handshake-refused
front
file 206 bcd text/plain; charset=utf-8
/..%2fkey.pem 400
/b.txt 404
WebSocket bye
1000 bye true`;

const IMPORT_ALL = `
  const [name, ...entries] = process.argv.slice(2);
  for (const entry of entries) await import(name + entry.slice(1));
  console.log("all");
`;

/** A server in one runtime until `talk` is through, a client in the other. */
async function converse(server: string, client: string, folder: string): Promise<string> {
  const program = join(folder, "program.ts");
  await using child = new Deno.Command(server, {
    args: [program, "serve", folder],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value = "" } = await reader.read();
  const [port, tlsPort, handedPort, taken] = value.trim().split(" ");
  assertEquals(taken, "address-in-use");
  const said = await output([client, program, "talk", folder, port!, tlsPort!, handedPort!]);
  await child.stdin.close();
  while (!(await reader.read()).done);
  assertEquals((await child.status).code, 0, "the server ends by itself");
  return said;
}

/** The server of the README, and its client, until that has heard something; they use the port that it names. */
async function talkOfReadme(program: string, count: number, folder: string): Promise<string> {
  assertEquals(count, 2, "a server and a client");
  await using server = start(program, [join(folder, "readme0.mjs")]);
  await server.nextLine();
  await using client = start(program, [join(folder, "readme1.mjs")]);
  return await client.nextLine();
}

/** Express on the port that the page of Node names, and a WebSocket beside it. */
async function talkToExpress(command: readonly string[], folder: string): Promise<string> {
  const [program, ...flags] = command;
  await using server = start(program!, [...flags, join(folder, "express.mjs")]);
  assertEquals(await server.nextLine(), "listening");
  const page = await (await fetch("http://127.0.0.1:9001/")).text();
  const socket = new WebSocket("ws://127.0.0.1:9001/rooms/a", "echo");
  await new Promise((resolve) => socket.onopen = resolve);
  socket.send("over the same port");
  const { data } = await new Promise<MessageEvent>((resolve) => socket.onmessage = resolve);
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close();
  await closed;
  return `${page}, ${data}`;
}

NPM.test("the npm package: entry points, types, and Node 22 and Bun as server and client of each other", async () => {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  const built = join(folder, "built");
  await output([Deno.execPath(), "run", "-A", join(ROOT, "tools/npm.ts"), built], ROOT);
  const packed = await output(["npm", "pack", "--silent", built], folder);
  await Deno.writeTextFile(join(folder, "package.json"), '{ "type": "module" }');
  const runtimes = [BUN, nodePackage(NODE_VERSIONS[0])];
  await install(folder, join(folder, packed), ...runtimes, ...COMPILER, EXPRESS);
  const [node, bun] = [nodeIn(folder), bunIn(folder)];

  const facts = JSON.parse(await Deno.readTextFile(join(built, "package.json")));
  const entries = Object.keys(facts.exports).filter((each) => !NOT_ALONE.includes(each));
  const all = join(folder, "all.js");
  await Deno.writeTextFile(all, IMPORT_ALL);
  for (const each of [node, bun]) {
    assertEquals(await output([each, all, facts.name, ...entries], folder), "all");
  }

  await Deno.copyFile(new URL("program.ts", import.meta.url), join(folder, "program.ts"));
  const compiler = join(folder, "node_modules/typescript/bin/tsc");
  const readme = await Deno.readTextFile(join(built, "README.md"));
  const programs = readme.split("```js\n").slice(1).map((part) => part.split("```")[0]!);
  for (const [at, text] of programs.entries()) {
    await Deno.writeTextFile(join(folder, `readme${at}.mjs`), text);
  }
  await Promise.all(
    WAYS.map((way) => output([node, compiler, ...STRICT, ...way, "program.ts"], folder)),
  );
  for (const each of [node, bun]) {
    assertEquals(await talkOfReadme(each, programs.length, folder), "the server says: hello");
  }

  const page = await Deno.readTextFile(join(ROOT, "docs/guide/node.md"));
  const beside = page.split("```js ignore\n").find((part) => part.includes("express"))!;
  await Deno.writeTextFile(join(folder, "express.mjs"), beside.split("```")[0]!);
  const deno = [Deno.execPath(), "run", "--allow-all", "--quiet", "--node-modules-dir=manual"];
  for (const command of [[node], [bun], deno]) {
    assertEquals(await talkToExpress(command, folder), "hello, over the same port");
  }

  const ca = await makeAuthority("npm test CA");
  const { cert, key } = await ca.issue({ name: "localhost", hosts: ["localhost"] });
  for (const [name, text] of Object.entries({ cert, key, ca: ca.cert })) {
    await Deno.writeTextFile(join(folder, `${name}.pem`), text);
  }
  await Deno.mkdir(join(folder, "public"));
  await Deno.writeTextFile(join(folder, "public/a.txt"), "abcdef");
  for (const [server, client] of [[node, bun], [bun, node]] as const) {
    assertEquals(await converse(server, client, folder), HEARD);
  }
});
