/** What a server has had to do before it is attacked: without it, what is measured is mostly how the engine compiles. */

import type { Target } from "./wire.ts";

const SIZES = [10, 1000, 65_536];

/** Uses it as its users do, for so many milliseconds. */
export async function use({ plain }: Target, ms: number): Promise<void> {
  const end = performance.now() + ms;
  const goesOn = () => performance.now() < end;
  await Promise.all([converse(plain, goesOn), download(plain, goesOn), upload(plain, goesOn)]);
}

async function converse(port: number, goesOn: () => boolean): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  socket.binaryType = "arraybuffer";
  const failed = new Promise<never>((_, reject) =>
    socket.onerror = () => reject(new Error("the server refuses what is usual"))
  );
  await Promise.race([new Promise((resolve) => socket.onopen = resolve), failed]);
  for (let count = 0; goesOn(); count++) {
    socket.send(new Uint8Array(SIZES[count % SIZES.length]!));
    await Promise.race([new Promise((resolve) => socket.onmessage = resolve), failed]);
  }
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close(1000);
  await closed;
}

async function download(port: number, goesOn: () => boolean): Promise<void> {
  for (let first = 0; goesOn(); first += 1000) {
    const headers = first % 2000 === 0 ? {} : { range: `bytes=${first}-${first + 99_999}` };
    const response = await fetch(`http://127.0.0.1:${port}/files/large.bin`, { headers });
    await response.arrayBuffer();
  }
}

async function upload(port: number, goesOn: () => boolean): Promise<void> {
  for (let count = 0; goesOn(); count++) {
    const body = new Uint8Array(SIZES[count % SIZES.length]!);
    const response = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body });
    await response.text();
  }
}
