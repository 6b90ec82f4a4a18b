/**
 * An interactive line client: what you type is sent as text, what comes is printed, with pings, pongs
 * and close codes. `/ping TEXT`, `/binary HEX`, `/close CODE REASON` do what they say.
 *
 *     deno run --allow-net examples/client.ts ws://127.0.0.1:9001/
 *
 * For `wss://`, `--ca FILE` trusts the authorities of that file and no others, `--insecure` forgives a
 * self-signed certificate, and `--cert FILE --key FILE` is what the server may ask for; files need
 * `--allow-read`.
 */

// deno-lint-ignore-file no-console -- a program's own output

import { CONTEXT_PORT_NO_LISTEN, createContext, handlers, type Wsi } from "@x/lws";
import {
  DEFLATE_OPTIONS,
  deflateExtensions,
  orEnd,
  readOptions,
  TLS_OPTIONS,
  tlsMembers,
} from "./arguments.ts";

const known = {
  ...{ protocol: "", origin: "", insecure: false },
  ...TLS_OPTIONS,
  ...DEFLATE_OPTIONS,
};
const { options, rest } = readOptions(known);
const url = URL.parse(rest[0] ?? "");
if (url === null || !/^wss?:$/.test(url.protocol)) {
  console.error(
    "usage: client.ts [--protocol NAME] [--origin ORIGIN] [--deflate | --deflate-takeover]\n" +
      "  [--ca FILE] [--insecure] [--cert FILE --key FILE] ws[s]://HOST:PORT/PATH",
  );
  Deno.exit(2);
}

let exitCode = 0;
const asked = options.protocol === "" ? [] : options.protocol.split(",");
const callback = handlers({
  clientEstablished(wsi) {
    const agreed = asked.length > 0 ? `, protocol ${wsi.protocol.name}` : "";
    console.log(`connected to ${url.href}${agreed}`);
    void sendLines(wsi);
  },
  message(_wsi, _user, message) {
    console.log(typeof message === "string" ? `< ${message}` : `< [${message.toHex()}]`);
  },
  clientReceivePing(_wsi, _user, payload) {
    console.log(`ping ${new TextDecoder().decode(payload)}`);
  },
  clientReceivePong(_wsi, _user, payload) {
    console.log(`pong ${new TextDecoder().decode(payload)}`);
  },
  closed(wsi, _user, { code, reason, wasClean }) {
    console.log(`closed ${code} ${reason}${wasClean ? "" : " (not cleanly)"}`.trimEnd());
    void wsi.context.destroy();
  },
  clientConnectionError(wsi, _user, text) {
    console.error(text);
    exitCode = 1;
    void wsi.context.destroy();
  },
});

const names = asked.length > 0 ? asked : ["client"];
const context = orEnd(() =>
  createContext({
    port: CONTEXT_PORT_NO_LISTEN,
    protocols: names.map((name) => ({ name, callback })),
    maxMessageSize: 64 * 1024 * 1024,
    maxFramePayload: 64 * 1024 * 1024,
    extensions: deflateExtensions(options),
    ...tlsMembers(options, known),
    // What the system trusts besides can only be read with `--allow-sys`.
    options: { disableOsCaCerts: options.ca !== "" },
  })
);
orEnd(() =>
  context.clientConnect(url, {
    protocol: asked,
    ...(options.origin === "" ? {} : { origin: options.origin }),
    ...(options.insecure && url.protocol === "wss:" ? { ssl: 2 } : {}),
  })
);
await context.closed;
Deno.exit(exitCode);

/** Sends the lines of standard input; its end begins the closing handshake. */
async function sendLines(wsi: Wsi): Promise<void> {
  let pending = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (pending + text).split("\n");
    pending = lines.pop()!;
    for (const line of lines) send(wsi, line);
  }
  if (pending !== "") send(wsi, pending);
  wsi.close(1000);
}

function send(wsi: Wsi, line: string): void {
  try {
    const [command, argument = ""] = line.split(/ (.*)/s, 2) as [string, string?];
    if (command === "/ping") wsi.write(argument, "ping");
    else if (command === "/binary") wsi.write(Uint8Array.fromHex(argument), "binary");
    else if (command === "/close") {
      const [code = "1000", reason = ""] = argument.split(/ (.*)/s, 2);
      wsi.close(Number(code), reason);
    } else wsi.write(line);
  } catch (error) {
    console.error((error as Error).message);
  }
}
