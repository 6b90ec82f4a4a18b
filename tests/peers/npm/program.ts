// deno-lint-ignore-file no-console -- a program that prints
/**
 * One end of a conversation, the same file in Node, Bun and Deno: `serve FOLDER` prints where it listens, and
 * `talk FOLDER PORT TLS_PORT HANDED_PORT` what it has heard. `FOLDER` has `cert.pem`, `key.pem`, `ca.pem` and the file `public/a.txt`.
 */

import { type Context, createContext, LwsError, permessageDeflate, protocol } from "@x/lws";
import { handleUpgrade } from "@x/lws/node";
import { WebSocket } from "@x/lws/websocket";
import { createServer } from "node:http";
import process from "node:process";

const [role, folder = ".", port = "0", tlsPort = "0", handedPort = "0"] = process.argv.slice(2);
const LONG = "aß→😀".repeat(50_000);

const echo = protocol({
  name: "echo",
  path: "/rooms/:room",
  message(wsi, _user, message) {
    wsi.write(message);
    if (message === "bye") wsi.close(1000, "bye");
  },
});

function serve(): void {
  const extensions = [permessageDeflate()];
  const base = { port: 0, iface: "127.0.0.1", extensions, protocols: [echo] };
  const plain = createContext({ ...base, mounts: [{ path: "/", folder: `${folder}/public` }] });
  const secure = createContext({
    ...base,
    sslCertFilepath: `${folder}/cert.pem`,
    sslPrivateKeyFilepath: `${folder}/key.pem`,
  });
  const socketPath = `${folder}/served.sock`;
  const local = createContext({ extensions, protocols: [echo], socketPath });
  const front = createServer((_request, response) => void response.end("front"));
  front.on("upgrade", (request, socket, head) => handleUpgrade(plain, request, socket, head));
  front.listen(0, "127.0.0.1", () => {
    const place = front.address();
    const port = typeof place === "object" ? place?.port : undefined;
    const why = refusal(() => createContext({ ...base, port: plain.port! }));
    console.log(`${plain.port} ${secure.port} ${port} ${why}`);
  });
  process.stdin.on("end", () => {
    for (const each of [plain, secure, local]) each.destroy();
    front.close();
    front.closeAllConnections();
  }).resume();
}

function refusal(run: () => Context): string {
  try {
    run();
    return "nothing";
  } catch (error) {
    return error instanceof LwsError ? error.code : String(error);
  }
}

async function heard(context: Context, url: string, more: object): Promise<string> {
  const wsi = await context.dial(url, { protocol: "echo", ...more });
  const extensions = wsi.extensions.join();
  const sizes: unknown[] = [];
  const messages = wsi.messages(); // before anything is awaited, so that none is missed
  for (const message of [LONG, new Uint8Array(100_000).fill(7), "bye"]) await wsi.send(message);
  for await (const message of messages) sizes.push(message.length);
  return `${extensions} ${sizes}`;
}

async function talk(): Promise<void> {
  const context = createContext({
    protocols: [protocol({ name: "echo" })],
    extensions: [permessageDeflate()],
    sslCaFilepath: `${folder}/ca.pem`,
    port: -1,
  });
  console.log("plain", await heard(context, `ws://127.0.0.1:${port}/rooms/a`, {}));
  console.log("handed", await heard(context, `ws://127.0.0.1:${handedPort}/rooms/a`, {}));
  console.log("tls", await heard(context, `wss://localhost:${tlsPort}/rooms/a`, {}));
  console.log(
    "unix",
    await heard(context, "ws://local/rooms/a", { socketPath: `${folder}/served.sock` }),
  );
  const why = await context.dial(`ws://127.0.0.1:${port}/lobby`, { protocol: "echo" })
    .catch((error: LwsError) => error.code);
  console.log("no room", why);
  await context.destroy();
  const response = await fetch(`http://127.0.0.1:${port}/a.txt`, {
    headers: { range: "bytes=1-3" },
  });
  console.log(await (await fetch(`http://127.0.0.1:${handedPort}/`)).text());
  console.log("file", response.status, await response.text(), response.headers.get("content-type"));
  for (const path of ["/..%2fkey.pem", "/b.txt"]) {
    console.log(path, (await fetch(`http://127.0.0.1:${port}${path}`)).status);
  }
  await new Promise<void>((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/rooms/b`, "echo");
    socket.onopen = () => socket.send("bye");
    socket.onmessage = ({ data }) => console.log("WebSocket", data);
    socket.onclose = ({ code, reason, wasClean }) => {
      console.log(code, reason, wasClean);
      resolve();
    };
  });
}

if (role === "serve") serve();
else await talk();
