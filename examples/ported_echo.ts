/**
 * libwebsockets' test-echo of release 1.6, ported line by line to the C names. The server sends every
 * piece back as text; the client sends a line every 250 ms, and prints what comes.
 *
 *     deno run --allow-net examples/ported_echo.ts --port 7681
 *     deno run --allow-net examples/ported_echo.ts --client 127.0.0.1 --port 7681
 */

import {
  CONTEXT_PORT_NO_LISTEN,
  LLL_ERR,
  LLL_NOTICE,
  LLL_WARN,
  type lws,
  LWS_CALLBACK_CLIENT_CONNECTION_ERROR,
  LWS_CALLBACK_CLIENT_ESTABLISHED,
  LWS_CALLBACK_CLIENT_RECEIVE,
  LWS_CALLBACK_CLIENT_WRITEABLE,
  LWS_CALLBACK_CLOSED,
  LWS_CALLBACK_HTTP,
  lws_callback_on_writable,
  lws_callback_on_writable_all_protocol,
  LWS_CALLBACK_RECEIVE,
  LWS_CALLBACK_SERVER_WRITEABLE,
  lws_cancel_service,
  lws_client_connect,
  type lws_context_creation_info,
  lws_context_destroy,
  lws_create_context,
  lws_get_internal_extensions,
  type lws_protocols,
  lws_return_http_status,
  LWS_SEND_BUFFER_POST_PADDING,
  LWS_SEND_BUFFER_PRE_PADDING,
  lws_service,
  lws_set_log_level,
  lws_write,
  LWS_WRITE_TEXT,
  lwsl_err,
  lwsl_notice,
} from "@x/lws/compat";
import { readOptions } from "./arguments.ts";

const MAX_ECHO_PAYLOAD = 1400;

let force_exit = false;

/** The per-session struct, of which C gave the size; here a function makes it. */
interface per_session_data__echo {
  buf: Uint8Array;
  len: number;
  index: number;
}

function callback_echo(
  wsi: lws,
  reason: number,
  user: per_session_data__echo,
  input: Uint8Array,
  len: number,
): number {
  const pss = user;
  const p = () => pss.buf.subarray(LWS_SEND_BUFFER_PRE_PADDING);
  let n: number;

  switch (reason) {
    // When it is the server.

    case LWS_CALLBACK_SERVER_WRITEABLE:
      n = lws_write(wsi, p(), pss.len, LWS_WRITE_TEXT);
      if (n < 0) {
        lwsl_err(`ERROR ${n} writing to socket, hanging up\n`);
        return 1;
      }
      if (n < pss.len) {
        lwsl_err("Partial write\n");
        return -1;
      }
      break;

    case LWS_CALLBACK_RECEIVE:
      if (len > MAX_ECHO_PAYLOAD) {
        lwsl_err(`Server received packet bigger than ${MAX_ECHO_PAYLOAD}, hanging up\n`);
        return -1;
      }
      p().set(input);
      pss.len = len;
      lws_callback_on_writable(wsi);
      break;

    case LWS_CALLBACK_HTTP:
      // C left a request for a page without an answer.
      lws_return_http_status(wsi, 426, null);
      return -1;

    // When it is the client.

    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    case LWS_CALLBACK_CLOSED:
      lwsl_notice("echo: the connection ended\n");
      if (is_client) force_exit = true;
      break;

    case LWS_CALLBACK_CLIENT_ESTABLISHED:
      lwsl_notice("echo: client connected\n");
      pss.index = 0;
      break;

    case LWS_CALLBACK_CLIENT_RECEIVE:
      lwsl_notice(`Client RX: ${new TextDecoder().decode(input)}\n`);
      break;

    case LWS_CALLBACK_CLIENT_WRITEABLE: {
      const text = `hello from the ported echo client, pid ${Deno.pid} index ${pss.index++}\n`;
      pss.len = new TextEncoder().encodeInto(text, p()).written;
      n = lws_write(wsi, p(), pss.len, LWS_WRITE_TEXT);
      if (n < 0) {
        lwsl_err(`ERROR ${n} writing to socket, hanging up\n`);
        return -1;
      }
      break;
    }
    default:
      break;
  }

  return 0;
}

const protocols: lws_protocols[] = [
  // The first protocol is what clients get that ask for none.
  {
    name: "default",
    callback: callback_echo,
    per_session_data_size: (): per_session_data__echo => ({
      buf: new Uint8Array(
        LWS_SEND_BUFFER_PRE_PADDING + MAX_ECHO_PAYLOAD + LWS_SEND_BUFFER_POST_PADDING,
      ),
      len: 0,
      index: 0,
    }),
  },
  { name: null, callback: null, per_session_data_size: 0 },
];

let is_client = false;

async function main(): Promise<number> {
  const { options } = readOptions({ port: 0, client: "", ratems: 250, interface: "" });
  is_client = options.client !== "";
  // 80 is what a client assumes, 7681 where the server listens.
  const port = options.port || (is_client ? 80 : 7681);

  // In place of syslog: standard output.
  lws_set_log_level(LLL_ERR | LLL_WARN | LLL_NOTICE, (_level, line) => {
    Deno.stdout.writeSync(new TextEncoder().encode(line));
  });

  const info: lws_context_creation_info = {
    port: is_client ? CONTEXT_PORT_NO_LISTEN : port,
    iface: options.interface || null,
    protocols,
    extensions: lws_get_internal_extensions(),
    gid: -1,
    uid: -1,
    options: 0,
  };
  const context = lws_create_context(info);
  if (context === null) {
    lwsl_err("libwebsocket init failed\n");
    return 1;
  }
  lwsl_notice(is_client ? "running in client mode\n" : `running in server mode on port ${port}\n`);

  if (is_client) {
    const address = options.client;
    const host = `${address}:${port}`;
    const wsi = lws_client_connect(context, address, port, 0, "/", host, host, null, -1);
    if (wsi === null) {
      lwsl_err(`Client failed to connect to ${host}\n`);
      await lws_context_destroy(context);
      return 1;
    }
  }

  const sighandler = () => {
    force_exit = true;
    lws_cancel_service(context);
  };
  Deno.addSignalListener("SIGINT", sighandler);

  let n = 0;
  let oldms = 0;
  while (n >= 0 && !force_exit) {
    if (is_client && performance.now() - oldms > options.ratems) {
      lws_callback_on_writable_all_protocol(context, protocols[0]!);
      oldms = performance.now();
    }
    n = await lws_service(context, 10);
  }

  Deno.removeSignalListener("SIGINT", sighandler);
  await lws_context_destroy(context);
  lwsl_notice("ported echo exited cleanly\n");
  return 0;
}

if (import.meta.main) Deno.exit(await main());
