/**
 * A client that is never lost for long: it connects again whenever the server is gone, and goes on behind the
 * last number that it has seen. The server counts on from the number that a client names.
 *
 *     deno run --allow-net examples/resume.ts --serve --port 9001
 *     deno run --allow-net examples/resume.ts ws://127.0.0.1:9001/
 *
 * Stop the server and start it again: no number is missing, and none comes twice.
 */

// deno-lint-ignore-file no-console -- a program's own output

import { CONTEXT_PORT_NO_LISTEN, createContext, protocol } from "@x/lws";
import { orEnd, readOptions, untilInterrupted } from "./arguments.ts";

/** The server's side, which remembers nothing of a client. */
const ticker = (everyMs: number) =>
  protocol({
    name: "ticker",
    perSessionData: (): { timer?: ReturnType<typeof setInterval> } => ({}),
    message(wsi, user, message) {
      let number = Number(message);
      clearInterval(user.timer);
      user.timer = setInterval(() => wsi.write(String(++number)), everyMs);
    },
    close: (_wsi, user) => clearInterval(user.timer),
  });

/** The client's side, whose `user` lives on from one connection to the next. */
const follower = protocol({
  name: "ticker",
  perSessionData: () => ({ last: 0 }),
  open: (wsi, user) => void wsi.write(String(user.last)),
  message: (_wsi, user, message) => console.log(user.last = Number(message)),
  clientRetry(_wsi, _user, { attempt, delayMs }) {
    console.log(`lost; attempt ${attempt} follows in ${delayMs} ms`);
  },
});

const { options, rest } = readOptions({ serve: false, port: 9001, "every-ms": 1000 });
await using context = orEnd(() =>
  options.serve
    ? createContext({
      port: options.port,
      iface: "127.0.0.1",
      protocols: [ticker(options["every-ms"])],
    })
    : createContext({ port: CONTEXT_PORT_NO_LISTEN, protocols: [follower] })
);
if (options.serve) console.log(`counting on ws://127.0.0.1:${context.port}/`);
else context.clientConnect(rest[0] ?? "ws://127.0.0.1:9001/", { protocol: "ticker", retry: true });
await untilInterrupted();
