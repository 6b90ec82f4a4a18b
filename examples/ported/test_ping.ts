/**
 * libwebsockets' ping client in the shape that it had for release 1.22, against the C names of March
 * 2013: it sends PING frames with a number in them, or with `--mirror` binary messages that come back,
 * and prints how long each took, and statistics in the end.
 *
 *     deno run --allow-net examples/ported/test_ping.ts 127.0.0.1 --port 7681 --count 5
 */

import {
  CONTEXT_PORT_NO_LISTEN,
  type libwebsocket,
  libwebsocket_callback_on_writable,
  libwebsocket_client_connect,
  type libwebsocket_context,
  libwebsocket_context_destroy,
  libwebsocket_create_context,
  libwebsocket_get_internal_extensions,
  type libwebsocket_protocols,
  libwebsocket_service,
  libwebsocket_write,
  LLL_ERR,
  LLL_WARN,
  LWS_CALLBACK_CLIENT_CONNECTION_ERROR,
  LWS_CALLBACK_CLIENT_ESTABLISHED,
  LWS_CALLBACK_CLIENT_RECEIVE,
  LWS_CALLBACK_CLIENT_RECEIVE_PONG,
  LWS_CALLBACK_CLIENT_WRITEABLE,
  LWS_CALLBACK_CLOSED,
  type lws_context_creation_info,
  LWS_SEND_BUFFER_POST_PADDING,
  LWS_SEND_BUFFER_PRE_PADDING,
  lws_set_log_level,
  LWS_WRITE_BINARY,
  LWS_WRITE_PING,
  lwsl_err,
} from "@x/lws/compat/mar13";
import { fail, readOptions } from "../arguments.ts";
import { printf, signal } from "./stdio.ts";

/** The number in front of each ping. */
const NUMBER_SIZE = 8;
/** A PING is a control frame. */
const MAX_PING_PAYLOAD = 125;
const MAX_MIRROR_PAYLOAD = 4096;
const MAX_PING_CLIENTS = 256;
/** How many may be on their way. */
const PING_RINGBUFFER_SIZE = 256;
/** How long those on their way are waited for in the end. */
const LAST_PONGS_MS = 2000;

interface ping {
  issue_timestamp: number;
  index: number;
  seen: number;
}

interface per_session_data__ping {
  ringbuffer: ping[];
  ping_index: number;
  rx_count: number;
}

let address = "";
let size = 64;
let use_mirror = false;
let count = 0;

let started = 0;
/** When the last ping was asked for; 0 while it goes on. */
let interrupted_time = 0;
let clients = 0;

let global_tx_count = 0;
let global_rx_count = 0;
let rtt_min = Infinity;
let rtt_max = 0;
let rtt_sum = 0;

/** What has come back, of `len` bytes. */
function pong_came(psd: per_session_data__ping, input: Uint8Array, len: number): void {
  if (len < NUMBER_SIZE) {
    lwsl_err(`${len} bytes from ${address}: no ping of ours\n`);
    return;
  }
  const index = Number(new DataView(input.buffer, input.byteOffset).getBigUint64(0));
  const issued = psd.ringbuffer[index % PING_RINGBUFFER_SIZE];
  if (issued === undefined || issued.index !== index) {
    lwsl_err(`${len} bytes from ${address}: req=${index} was not sent, or long ago\n`);
    return;
  }
  const took = performance.now() - issued.issue_timestamp;
  if (issued.seen++ > 0) {
    printf(`${len} bytes from ${address}: req=${index} DUP! time=${took.toFixed(1)}ms\n`);
    return;
  }
  psd.rx_count++;
  global_rx_count++;
  rtt_min = Math.min(rtt_min, took);
  rtt_max = Math.max(rtt_max, took);
  rtt_sum += took;
  printf(`${len} bytes from ${address}: req=${index} time=${took.toFixed(1)}ms\n`);
}

function callback_lws_mirror(
  context: libwebsocket_context,
  wsi: libwebsocket,
  reason: number,
  user: per_session_data__ping,
  input: Uint8Array,
  len: number,
): number {
  const psd = user;

  switch (reason) {
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
      lwsl_err(`connection to ${address} failed\n`);
      clients--;
      break;

    case LWS_CALLBACK_CLOSED:
      printf(`websocket connection to ${address} closed\n`);
      clients--;
      break;

    case LWS_CALLBACK_CLIENT_ESTABLISHED:
      printf(`websocket connection to ${address} opened\n`);
      // The first one; the others follow by the clock.
      libwebsocket_callback_on_writable(context, wsi);
      break;

    case LWS_CALLBACK_CLIENT_RECEIVE:
      // The mirror of others is of no interest.
      if (use_mirror) pong_came(psd, input, len);
      break;

    case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
      if (!use_mirror) pong_came(psd, input, len);
      break;

    case LWS_CALLBACK_CLIENT_WRITEABLE: {
      if (interrupted_time !== 0 || (count > 0 && psd.ping_index > count)) break;
      const buf = new Uint8Array(
        LWS_SEND_BUFFER_PRE_PADDING + size + LWS_SEND_BUFFER_POST_PADDING,
      );
      const p = buf.subarray(LWS_SEND_BUFFER_PRE_PADDING);
      const index = psd.ping_index++;
      new DataView(p.buffer, p.byteOffset).setBigUint64(0, BigInt(index));
      const issue_timestamp = performance.now();
      psd.ringbuffer[index % PING_RINGBUFFER_SIZE] = { issue_timestamp, index, seen: 0 };
      const kind = use_mirror ? LWS_WRITE_BINARY : LWS_WRITE_PING;
      const n = libwebsocket_write(wsi, p, size, kind);
      if (n < 0) return -1;
      if (n < size) {
        lwsl_err("Partial write\n");
        return -1;
      }
      global_tx_count++;
      break;
    }
    default:
      break;
  }
  return 0;
}

const protocols: libwebsocket_protocols[] = [
  {
    name: "lws-mirror-protocol",
    callback: callback_lws_mirror,
    per_session_data_size: (): per_session_data__ping => ({
      ringbuffer: [],
      ping_index: 1,
      rx_count: 0,
    }),
    rx_buffer_size: MAX_MIRROR_PAYLOAD,
  },
  { name: null, callback: null, per_session_data_size: 0 },
];

function print_statistics(): void {
  const lost = global_tx_count - global_rx_count;
  const loss = global_tx_count === 0 ? 0 : (100 * lost) / global_tx_count;
  const took = performance.now() - started;
  printf(`\n--- ${address} websocket ping statistics ---\n`);
  printf(
    `${global_tx_count} packets transmitted, ${global_rx_count} received, ` +
      `${loss.toFixed(0)}% packet loss, time ${took.toFixed(0)}ms\n`,
  );
  if (global_rx_count === 0) return;
  const rtt = [rtt_min, rtt_sum / global_rx_count, rtt_max].map((each) => each.toFixed(3));
  printf(`rtt min/avg/max = ${rtt.join("/")} ms\n`);
}

async function main(): Promise<number> {
  const defaults = {
    port: 7681,
    ssl: 0,
    interval: 1000,
    size,
    protocol: "lws-mirror-protocol",
    mirror: false,
    replicate: 1,
    count: 0,
  };
  const { options, rest } = readOptions(defaults);
  if (rest.length !== 1) fail("which server?", defaults);
  address = rest[0]!;
  use_mirror = options.mirror;
  count = options.count;
  const most = use_mirror ? MAX_MIRROR_PAYLOAD : MAX_PING_PAYLOAD;
  if (options.size < NUMBER_SIZE || options.size > most) {
    fail(`--size is ${NUMBER_SIZE} to ${most}`, defaults);
  }
  size = options.size;
  protocols[0]!.name = options.protocol;
  clients = Math.min(Math.max(options.replicate, 1), MAX_PING_CLIENTS);
  lws_set_log_level(LLL_ERR | LLL_WARN, (_level, line) => printf(line));

  const info: lws_context_creation_info = {
    port: CONTEXT_PORT_NO_LISTEN,
    protocols,
    extensions: libwebsocket_get_internal_extensions(),
    gid: -1,
    uid: -1,
  };
  const context = libwebsocket_create_context(info);
  if (context === null) {
    lwsl_err("Creating libwebsocket context failed\n");
    return 1;
  }

  const ping_wsi: libwebsocket[] = [];
  for (let n = 0; n < clients; n++) {
    const { port, ssl, protocol } = options;
    const wsi = libwebsocket_client_connect(
      context,
      address,
      port,
      ssl,
      "/",
      address,
      "origin",
      protocol,
      -1,
    );
    if (wsi === null) {
      lwsl_err("client connect failed\n");
      await libwebsocket_context_destroy(context);
      return 1;
    }
    ping_wsi.push(wsi);
  }

  const no_signal = signal(() => interrupted_time = performance.now());
  started = performance.now();
  let oldms = started;
  let n = 0;
  while (n >= 0 && clients > 0) {
    n = await libwebsocket_service(context, 10);
    const ms = performance.now();
    if (interrupted_time === 0) {
      if (count > 0 && global_tx_count === count * ping_wsi.length) interrupted_time = ms;
      if (ms - oldms <= options.interval) continue;
      for (const wsi of ping_wsi) libwebsocket_callback_on_writable(context, wsi);
      oldms = ms;
      continue;
    }
    // Time for those that are on their way.
    if (global_rx_count === global_tx_count || ms - interrupted_time > LAST_PONGS_MS) n = -1;
  }

  no_signal();
  print_statistics();
  await libwebsocket_context_destroy(context);
  return global_rx_count === 0 || global_rx_count < global_tx_count ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main());
