/**
 * libwebsockets' test server in the shape that it had in November 2010, before its first release: one
 * callback serves everything, by itself, and which version of the protocol that is stands at the command line. 76
 * is what browsers of then spoke; 13, which nothing of then did, is for those of today.
 *
 *     deno run --allow-net --allow-read=examples/ported examples/ported/test_server_2010.ts --protocol 13
 */

import { fileURLToPath } from "node:url";
import {
  type libwebsocket,
  libwebsocket_create_server,
  libwebsocket_get_uri,
  libwebsocket_write,
  libwebsockets_serve_http_file,
  LWS_CALLBACK_CLOSED,
  LWS_CALLBACK_ESTABLISHED,
  LWS_CALLBACK_HTTP,
  LWS_CALLBACK_RECEIVE,
  LWS_CALLBACK_SEND,
  LWS_SEND_BUFFER_POST_PADDING,
  LWS_SEND_BUFFER_PRE_PADDING,
  LWS_WRITE_TEXT,
  serverContext,
} from "@x/lws/compat/nov10";
import { readOptions } from "../arguments.ts";
import { printf, signal } from "./stdio.ts";

const PAGE = fileURLToPath(new URL("www/test_2010.html", import.meta.url));

interface per_session_data {
  number: number;
}

function websocket_callback(
  wsi: libwebsocket,
  reason: number,
  user: unknown,
  input: unknown,
  len: number,
): number {
  const pss = user as per_session_data;

  switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
      printf("Websocket connection established\n");
      pss.number = 0;
      break;

    case LWS_CALLBACK_CLOSED:
      printf("Websocket connection closed\n");
      break;

    case LWS_CALLBACK_SEND: {
      const buf = new Uint8Array(LWS_SEND_BUFFER_PRE_PADDING + 512 + LWS_SEND_BUFFER_POST_PADDING);
      const p = buf.subarray(LWS_SEND_BUFFER_PRE_PADDING);
      const n = new TextEncoder().encodeInto(String(pss.number++), p).written;
      if (libwebsocket_write(wsi, p, n, LWS_WRITE_TEXT) < 0) printf("ERROR writing to socket\n");
      break;
    }

    case LWS_CALLBACK_RECEIVE:
      printf(`Received ${len} bytes payload\n`);
      if (new TextDecoder().decode(input as Uint8Array) === "reset\n") pss.number = 0;
      break;

    case LWS_CALLBACK_HTTP:
      printf(`serving HTTP URI ${libwebsocket_get_uri(wsi)}\n`);
      if (libwebsockets_serve_http_file(wsi, PAGE, "text/html") < 0) {
        printf("Failed to send HTTP file\n");
      }
      break;
  }

  return 0;
}

function main(): number {
  const { options } = readOptions({ port: 7681, protocol: 76, cert: "", key: "" });

  const server = libwebsocket_create_server(
    options.port,
    websocket_callback,
    options.protocol,
    (): per_session_data => ({ number: 0 }),
    options.cert || null,
    options.key || null,
    -1,
    -1,
  );
  if (server < 0) {
    printf("libwebsocket init failed\n");
    return -1;
  }

  // In C the process had to be killed.
  const context = serverContext(server)!;
  printf(`listening on port ${context.port}\n`);
  const no_signal = signal(() => void context.destroy());
  void context.closed.then(no_signal);
  return 0;
}

if (import.meta.main && main() < 0) Deno.exit(1);
