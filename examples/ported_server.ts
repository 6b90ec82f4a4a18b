/**
 * The ported test server over real descriptors, with the main loops of C as they were: one in which
 * `lws_service` blocks, and one around the program's own poll(2), with a UDP socket of the program's in it.
 * Linux; Ctrl-C ends it.
 *
 *     deno run --allow-net --allow-ffi --allow-read=examples/ported examples/ported_server.ts --loop service
 *     deno run --allow-net --allow-ffi --allow-read=examples/ported examples/ported_server.ts --loop poll
 */

import {
  LLL_ERR,
  LLL_NOTICE,
  LLL_WARN,
  lws_callback_on_writable_all_protocol,
  lws_create_context,
  lws_get_internal_extensions,
  lws_service,
  lws_service_fd,
  lws_set_log_level,
  lwsl_err,
  lwsl_notice,
  overNetwork,
  POLLIN,
} from "@x/lws/compat";
import { epollNetwork } from "@x/lws/epoll";
import { readOptions } from "./arguments.ts";
import { printf } from "./ported/stdio.ts";
import { PROTOCOL_DUMB_INCREMENT, protocols } from "./ported/test_server.ts";
import { pollfds } from "./ported/test_server_poll.ts";
import { blocking_poll, echo_udp, open_udp } from "./ported/udp_echo.ts";

function main(): number {
  const { options } = readOptions({ port: 7681, interface: "", loop: "service" });
  lws_set_log_level(LLL_ERR | LLL_WARN | LLL_NOTICE, (_level, line) => printf(line));

  const info = {
    port: options.port,
    iface: options.interface || null,
    protocols,
    extensions: lws_get_internal_extensions(),
    gid: -1,
    uid: -1,
    options: 0,
  };
  // All that differs from C.
  const context = overNetwork(epollNetwork(), () => lws_create_context(info));
  if (context === null) {
    lwsl_err("libwebsocket init failed\n");
    return -1;
  }
  const own = { fd: -1, events: POLLIN, revents: 0 };
  if (options.loop === "poll") {
    const udp = open_udp();
    own.fd = udp.fd;
    lwsl_notice(`port ${udp.port} answers UDP\n`);
  }
  lwsl_notice(`listening on port ${info.port} with the loop around ${options.loop}\n`);

  let n = 0;
  let oldms = 0;
  while (n >= 0) {
    // The counters go on every 50 ms.
    const ms = performance.now();
    if (ms - oldms > 50) {
      lws_callback_on_writable_all_protocol(context, protocols[PROTOCOL_DUMB_INCREMENT]!);
      oldms = ms;
    }

    if (options.loop === "service") {
      n = lws_service(context, 50);
      continue;
    }
    const table = [...pollfds, own];
    n = blocking_poll(table, table.length, 50);
    if (n === 0) n = lws_service_fd(context, null);
    for (let i = 0; n > 0 && i < table.length; i++) {
      if (table[i]!.revents === 0) continue;
      if (lws_service_fd(context, table[i]!) < 0) n = -1;
      // Not the context's, as it would be 0 now.
      if (table[i] === own && own.revents !== 0) echo_udp(own.fd);
    }
  }
  return 0;
}

if (import.meta.main) Deno.exit(main());
