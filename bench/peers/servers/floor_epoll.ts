/**
 * What the kernel allows a TypeScript server that calls the C library itself: one wait, and for each connection
 * that is ready one read, parse and unmask every frame in it, one write. No callbacks, no checks, no limits.
 * `deno run --allow-ffi bench/peers/servers/floor_epoll.ts 9001`
 */

import { FloorEcho } from "./floor_frames.ts";
import { answerTo } from "./floor_handshake.ts";
import { accept, libc, listenOn, send } from "./floor_libc.ts";
import { announce, PORT } from "./listening.mjs";

const [EPOLL_CTL_ADD, EPOLLIN, MOST_EVENTS] = [1, 1, 256];
/** `struct epoll_event` is packed on x86-64: its words, and the first one of its data. */
const [WORDS, DATA] = Deno.build.arch === "x86_64" ? [3, 1] as const : [4, 2] as const;

const input = new Uint8Array(512 * 1024);
const view = new DataView(input.buffer);
const echo = new FloorEcho();
/** By descriptor: whether its request was answered, and the part of a frame that has come. */
const greeted: boolean[] = [];
const rests: (Uint8Array | undefined)[] = [];
/** The connections that get every message of the path `/broadcast`. */
const audience = new Set<number>();

const epoll = libc.epoll_create1(0);
const { listener, port } = listenOn(PORT);
watch(listener);
announce(port);

const events = new Int32Array(MOST_EVENTS * WORDS);
const eventBytes = new Uint8Array(events.buffer);
for (;;) {
  const count = libc.epoll_wait(epoll, eventBytes, MOST_EVENTS, -1);
  for (let i = 0; i < count; i++) {
    const fd = events[i * WORDS + DATA]!;
    if (fd === listener) welcome(accept(listener));
    else if (greeted[fd]) answer(fd);
    else greet(fd);
  }
}

function watch(fd: number): void {
  const event = new Int32Array(WORDS);
  event[0] = EPOLLIN;
  event[DATA] = fd;
  libc.epoll_ctl(epoll, EPOLL_CTL_ADD, fd, new Uint8Array(event.buffer));
}

function welcome(fd: number): void {
  greeted[fd] = false;
  rests[fd] = undefined;
  watch(fd);
}

function greet(fd: number): void {
  const count = libc.recv(fd, input, input.length, 0);
  const request = new TextDecoder().decode(input.subarray(0, count));
  const response = answerTo(request);
  send(fd, response, response.length);
  greeted[fd] = true;
  if (request.startsWith("GET /broadcast ")) audience.add(fd);
}

function answer(fd: number): void {
  const rest = rests[fd];
  const held = rest?.length ?? 0;
  if (rest !== undefined) input.set(rest);
  const room = held === 0 ? input : input.subarray(held);
  const count = libc.recv(fd, room, room.length, 0);
  if (count <= 0) {
    audience.delete(fd);
    libc.close(fd);
    return;
  }
  const taken = echo.take(input, view, held + count);
  rests[fd] = taken < held + count ? input.slice(taken, held + count) : undefined;
  const { output, filled } = echo;
  if (audience.has(fd)) { for (const each of audience) send(each, output, filled); }
  else send(fd, output, filled);
}
