/**
 * libwebsockets' fragmentation tester in the shape that it had for release 0.6, against the C names of
 * October 2012: the server sends random messages in random fragments, and behind each the sum of its
 * bytes; the client adds up what comes, and compares.
 *
 *     deno run --allow-net examples/ported/test_fraggle.ts --port 7681
 *     deno run --allow-net examples/ported/test_fraggle.ts --client 127.0.0.1 --port 7681 --count 10
 */

import {
  CONTEXT_PORT_NO_LISTEN,
  type libwebsocket,
  libwebsocket_callback_on_writable,
  libwebsocket_client_connect,
  type libwebsocket_context,
  libwebsocket_context_destroy,
  libwebsocket_create_context,
  libwebsocket_internal_extensions,
  libwebsocket_is_final_fragment,
  type libwebsocket_protocols,
  libwebsocket_service,
  libwebsocket_write,
  libwebsockets_get_random,
  libwebsockets_remaining_packet_payload,
  LWS_CALLBACK_CLIENT_CONFIRM_EXTENSION_SUPPORTED,
  LWS_CALLBACK_CLIENT_CONNECTION_ERROR,
  LWS_CALLBACK_CLIENT_ESTABLISHED,
  LWS_CALLBACK_CLIENT_RECEIVE,
  LWS_CALLBACK_CLOSED,
  LWS_CALLBACK_ESTABLISHED,
  LWS_CALLBACK_SERVER_WRITEABLE,
  LWS_SEND_BUFFER_POST_PADDING,
  LWS_SEND_BUFFER_PRE_PADDING,
  LWS_WRITE_BINARY,
  LWS_WRITE_CONTINUATION,
  LWS_WRITE_NO_FIN,
} from "@x/lws/compat/oct12";
import { readOptions } from "../arguments.ts";
import { printf, signal } from "./stdio.ts";

const MAX_FRAGMENTS = 1024;
const MAX_FRAGMENT = 8000;
/** The sum of a message's bytes goes over the wire in four, the highest first. */
const SUM_SIZE = 4;

const FRAGGLE_START_MESSAGE = 0;
const FRAGGLE_RANDOM_MESSAGE = 1;
const FRAGGLE_SUM_MESSAGE = 2;

interface per_session_data__fraggle {
  packets_left: number;
  total_message: number;
  sum: number;
  state: number;
}

let force_exit = false;
/** How many messages a client checks; 0 for no end. */
let count = 0;
let checked = 0;
let failed = false;

function sum_of(buf: Uint8Array, len: number): number {
  let sum = 0;
  for (let n = 0; n < len; n++) sum += buf[n]!;
  return sum;
}

/** A whole number from 1 to `most`. */
function random(context: libwebsocket_context, most: number): number {
  const buf = new Uint8Array(4);
  libwebsockets_get_random(context, buf, 4);
  return new DataView(buf.buffer).getUint32(0) % most + 1;
}

/** Writes the next fragment, or the sum behind the last one. Negative when that failed. */
function write_next(
  context: libwebsocket_context,
  wsi: libwebsocket,
  psf: per_session_data__fraggle,
): number {
  const buf = new Uint8Array(
    LWS_SEND_BUFFER_PRE_PADDING + MAX_FRAGMENT + LWS_SEND_BUFFER_POST_PADDING,
  );
  const p = buf.subarray(LWS_SEND_BUFFER_PRE_PADDING);

  if (psf.state === FRAGGLE_SUM_MESSAGE) {
    printf(`fraggle: Spamming ended with ${psf.total_message} bytes, sum ${psf.sum}\n`);
    new DataView(p.buffer, p.byteOffset).setUint32(0, psf.sum);
    psf.state = FRAGGLE_START_MESSAGE;
    return libwebsocket_write(wsi, p, SUM_SIZE, LWS_WRITE_BINARY);
  }

  let write_flag = LWS_WRITE_CONTINUATION;
  if (psf.state === FRAGGLE_START_MESSAGE) {
    psf.packets_left = random(context, MAX_FRAGMENTS);
    printf(`fraggle: Spamming ${psf.packets_left} random fragments\n`);
    psf.sum = 0;
    psf.total_message = 0;
    write_flag = LWS_WRITE_BINARY;
    psf.state = FRAGGLE_RANDOM_MESSAGE;
  }
  const n = random(context, MAX_FRAGMENT);
  libwebsockets_get_random(context, p, n);
  psf.sum = (psf.sum + sum_of(p, n)) >>> 0;
  psf.total_message += n;
  if (--psf.packets_left > 0) write_flag |= LWS_WRITE_NO_FIN;
  else psf.state = FRAGGLE_SUM_MESSAGE;
  return libwebsocket_write(wsi, p, n, write_flag);
}

/** Adds up a piece of the random message, or compares with the sum. */
function read_next(
  wsi: libwebsocket,
  psf: per_session_data__fraggle,
  input: Uint8Array,
  len: number,
): void {
  if (psf.state === FRAGGLE_START_MESSAGE) {
    psf.sum = 0;
    psf.total_message = 0;
    psf.packets_left = 0;
    psf.state = FRAGGLE_RANDOM_MESSAGE;
  }
  const is_end_of_fragment = libwebsockets_remaining_packet_payload(wsi) === 0;
  const is_end = is_end_of_fragment && libwebsocket_is_final_fragment(wsi) !== 0;

  if (psf.state === FRAGGLE_RANDOM_MESSAGE) {
    psf.sum = (psf.sum + sum_of(input, len)) >>> 0;
    psf.total_message += len;
    if (is_end_of_fragment) psf.packets_left++;
    if (is_end) psf.state = FRAGGLE_SUM_MESSAGE;
    return;
  }

  const told = len === SUM_SIZE && is_end
    ? new DataView(input.buffer, input.byteOffset).getUint32(0)
    : -1;
  const got = `${psf.total_message} bytes in ${psf.packets_left} fragments, sum ${psf.sum}`;
  if (told === psf.sum) printf(`fraggle: EOM received, ${got}: OK\n`);
  else {
    printf(`fraggle: EOM received, ${got}: WRONG, the sum sent is ${told}\n`);
    failed = true;
  }
  psf.state = FRAGGLE_START_MESSAGE;
  if (++checked === count || failed) force_exit = true;
}

function callback_fraggle(
  context: libwebsocket_context,
  wsi: libwebsocket,
  reason: number,
  user: per_session_data__fraggle,
  input: unknown,
  len: number,
): number {
  const psf = user;

  switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
      printf("server sees client connect\n");
      psf.state = FRAGGLE_START_MESSAGE;
      // The first of them.
      libwebsocket_callback_on_writable(context, wsi);
      break;

    case LWS_CALLBACK_CLIENT_ESTABLISHED:
      printf("client connects to server\n");
      psf.state = FRAGGLE_START_MESSAGE;
      break;

    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
      printf("client can't connect to server\n");
      failed = true;
      force_exit = true;
      break;

    case LWS_CALLBACK_CLOSED:
      printf("connection closed\n");
      if (is_client) force_exit = true;
      break;

    case LWS_CALLBACK_CLIENT_RECEIVE:
      read_next(wsi, psf, input as Uint8Array, len);
      break;

    case LWS_CALLBACK_SERVER_WRITEABLE:
      if (write_next(context, wsi, psf) < 0) return -1;
      libwebsocket_callback_on_writable(context, wsi);
      break;

    // Before a client offers an extension.
    case LWS_CALLBACK_CLIENT_CONFIRM_EXTENSION_SUPPORTED:
      if (input === "deflate-stream") {
        printf("denied deflate-stream extension\n");
        return 1;
      }
      break;

    default:
      break;
  }
  return 0;
}

const protocols: libwebsocket_protocols[] = [
  {
    name: "fraggle-protocol",
    callback: callback_fraggle,
    per_session_data_size: (): per_session_data__fraggle => ({
      packets_left: 0,
      total_message: 0,
      sum: 0,
      state: FRAGGLE_START_MESSAGE,
    }),
  },
  { name: null, callback: null, per_session_data_size: 0 },
];

let is_client = false;

async function main(): Promise<number> {
  const { options } = readOptions({ port: 7681, client: "", interface: "", count: 0 });
  is_client = options.client !== "";
  count = options.count;

  const server_port = is_client ? CONTEXT_PORT_NO_LISTEN : options.port;
  const context = libwebsocket_create_context(
    server_port,
    options.interface || null,
    protocols,
    libwebsocket_internal_extensions,
    null,
    null,
    -1,
    -1,
    0,
    null,
  );
  if (context === null) {
    printf("libwebsocket init failed\n");
    return 1;
  }
  if (is_client) {
    const address = options.client;
    const { port } = options;
    const name = protocols[0]!.name;
    const wsi = libwebsocket_client_connect(
      context,
      address,
      port,
      0,
      "/",
      address,
      "origin",
      name,
      -1,
    );
    if (wsi === null) {
      printf("Client connect to server failed\n");
      await libwebsocket_context_destroy(context);
      return 1;
    }
  } else printf(`listening on port ${options.port}\n`);

  const no_signal = signal(() => force_exit = true);
  let n = 0;
  while (n >= 0 && !force_exit) n = await libwebsocket_service(context, 50);

  no_signal();
  await libwebsocket_context_destroy(context);
  if (is_client) printf(`${checked} messages checked\n`);
  return failed || (count > 0 && checked < count) ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main());
