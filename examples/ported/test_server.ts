/**
 * libwebsockets' test server in the shape that it had for release 1.6, against the C names: a counter
 * for each connection, a mirror for all, a page that the library sends and files that are sent by hand.
 * It is served by the library's loop, or by one of its own around `poll`.
 *
 *     deno run --allow-net --allow-read=examples/ported examples/ported/test_server.ts --port 7681
 */

import {
  LLL_ERR,
  LLL_NOTICE,
  LLL_WARN,
  lws_callback_on_writable_all_protocol,
  lws_cancel_service,
  type lws_context_creation_info,
  lws_context_destroy,
  lws_create_context,
  lws_get_internal_extensions,
  LWS_INVALID_FILE,
  type lws_protocols,
  lws_service,
  lws_service_fd,
  lws_set_log_level,
  lwsl_err,
  lwsl_notice,
  poll,
} from "@x/lws/compat";
import { readOptions } from "../arguments.ts";
import { printf, signal } from "./stdio.ts";
import {
  callback_dumb_increment,
  type per_session_data__dumb_increment,
} from "./test_server_dumb_increment.ts";
import {
  callback_http,
  type per_session_data__http,
  set_resource_path,
} from "./test_server_http.ts";
import { callback_lws_mirror, type per_session_data__lws_mirror } from "./test_server_mirror.ts";
import { pollfds } from "./test_server_poll.ts";

let force_exit = false;

export const PROTOCOL_DUMB_INCREMENT = 1;

export const protocols: lws_protocols[] = [
  {
    name: "http-only",
    callback: callback_http,
    per_session_data_size: (): per_session_data__http => ({ fd: LWS_INVALID_FILE }),
  },
  {
    name: "dumb-increment-protocol",
    callback: callback_dumb_increment,
    per_session_data_size: (): per_session_data__dumb_increment => ({ number: 0 }),
    rx_buffer_size: 10,
  },
  {
    name: "lws-mirror-protocol",
    callback: callback_lws_mirror,
    per_session_data_size: (): per_session_data__lws_mirror => ({ ringbuffer_tail: 0 }),
    rx_buffer_size: 4096,
  },
  { name: null, callback: null, per_session_data_size: 0 },
];

async function main(): Promise<number> {
  const { options } = readOptions({
    port: 7681,
    interface: "",
    resource_path: "",
    extpoll: false,
    cert: "",
    key: "",
  });
  if (options.resource_path !== "") set_resource_path(options.resource_path);
  lws_set_log_level(LLL_ERR | LLL_WARN | LLL_NOTICE, (_level, line) => printf(line));

  const info: lws_context_creation_info = {
    port: options.port,
    iface: options.interface || null,
    protocols,
    extensions: lws_get_internal_extensions(),
    ssl_cert_filepath: options.cert || null,
    ssl_private_key_filepath: options.key || null,
    gid: -1,
    uid: -1,
    options: 0,
  };
  const context = lws_create_context(info);
  if (context === null) {
    lwsl_err("libwebsocket init failed\n");
    return -1;
  }
  lwsl_notice(`listening on port ${info.port}\n`);

  const no_signal = signal(() => {
    force_exit = true;
    lws_cancel_service(context);
  });

  let n = 0;
  let oldms = 0;
  while (n >= 0 && !force_exit) {
    // The counters go on every 50 ms.
    const ms = performance.now();
    if (ms - oldms > 50) {
      lws_callback_on_writable_all_protocol(context, protocols[PROTOCOL_DUMB_INCREMENT]!);
      oldms = ms;
    }

    if (!options.extpoll) {
      n = await lws_service(context, 50);
      continue;
    }
    n = await poll(pollfds, pollfds.length, 50);
    // Nothing came, but timeouts may be due.
    if (n === 0) n = lws_service_fd(context, null);
    for (let i = 0; n > 0 && i < pollfds.length; i++) {
      if (pollfds[i]!.revents !== 0 && lws_service_fd(context, pollfds[i]!) < 0) n = -1;
    }
  }

  no_signal();
  await lws_context_destroy(context);
  lwsl_notice("test server exited cleanly\n");
  return 0;
}

if (import.meta.main) Deno.exit(await main());
