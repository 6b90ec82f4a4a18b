/**
 * A server whose news come from another process: it starts itself a second time, and that process tells
 * all clients what time it is.
 *
 *     deno run --allow-net --allow-run examples/broadcast.ts --port 7683
 *
 * Listen with `deno run --allow-net examples/client.ts ws://127.0.0.1:7683/`.
 */

// deno-lint-ignore-file no-console -- a program's own output

import { connectBroadcast, createContext, handlers, type Protocol } from "@x/lws";
import { orEnd, readOptions, untilInterrupted } from "./arguments.ts";

const news: Protocol = {
  name: "news",
  callback: handlers({
    http: (wsi) => wsi.respond(426, "This port speaks WebSocket."),
    broadcast: (wsi, _user, data) => void wsi.write(data, "text"),
  }),
};

async function serve(port: number, hostname: string, everyMs: number): Promise<void> {
  await using context = createContext({
    port,
    iface: hostname,
    protocols: [news],
    broadcastSockets: true,
  });
  const { broadcastSocketPort, broadcastToken } = context.protocols[0]!;
  const teller = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--allow-net", import.meta.url],
      ...["--tell", `${broadcastSocketPort}`, "--every-ms", `${everyMs}`],
    ],
    // Others can read a command line, but not a pipe.
    stdin: "piped",
  }).spawn();
  const stdin = teller.stdin.getWriter();
  await stdin.write(new TextEncoder().encode(broadcastToken));
  await stdin.close();
  console.log(
    `listening on ws://${hostname}:${context.port}; process ${teller.pid} tells the time`,
  );
  await untilInterrupted();
  await context.destroy();
  await teller.status;
}

/** The second process: broadcasts until the server is gone. */
async function tell(port: number, everyMs: number): Promise<void> {
  const token = await new Response(Deno.stdin.readable).text();
  await using broadcaster = await connectBroadcast({ port, token });
  for (;;) {
    try {
      await broadcaster.broadcast(`process ${Deno.pid}: it is ${new Date().toLocaleTimeString()}`);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

if (import.meta.main) {
  const { options } = readOptions({
    port: 7683,
    hostname: "127.0.0.1",
    tell: 0,
    "every-ms": 1000,
  });
  if (options.tell > 0) await orEnd(() => tell(options.tell, options["every-ms"]));
  else await orEnd(() => serve(options.port, options.hostname, options["every-ms"]));
}
