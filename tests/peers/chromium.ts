/** Chromium, and what a page says to our echo server. */

import type { Browser, BrowserContextOptions, Page } from "npm:playwright-core@1";
import { chromium } from "npm:playwright-core@1";
import { CHROMIUM } from "./peer.ts";

/** Runs a browser, which ends with `run`. */
export async function withBrowser(run: (browser: Browser) => Promise<void>): Promise<void> {
  const browser = await chromium.launch({
    executablePath: CHROMIUM.path,
    timeout: 0,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  try {
    await run(browser);
  } finally {
    await browser.close();
  }
}

/** A page that takes its time: who waits for it has the test's own deadline. */
export async function newPage(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<Page> {
  const page = await browser.newPage(options);
  page.setDefaultTimeout(0);
  return page;
}

/** Runs in the page; the messages are those of `echo.ts`. */
export async function conversation(lengths: number[]): Promise<string[]> {
  const connect = async () => {
    const socket = new WebSocket(`${location.origin.replace("http", "ws")}/`);
    socket.binaryType = "arraybuffer";
    await new Promise((resolve) => socket.onopen = resolve);
    return socket;
  };
  const exchange = (socket: WebSocket, message: string | Uint8Array<ArrayBuffer>) =>
    new Promise<string | ArrayBuffer>((resolve) => {
      socket.onmessage = ({ data }) => resolve(data);
      socket.send(message);
    });
  const closeOf = (socket: WebSocket) =>
    new Promise<string>((resolve) => {
      socket.onclose = ({ code, reason, wasClean }) =>
        resolve(`closed ${code} ${reason} ${wasClean}`);
    });
  const check = (condition: boolean, text: string) => {
    if (!condition) throw new Error(text);
  };

  const socket = await connect();
  for (const length of lengths) {
    const text = "aß→😀".repeat(Math.floor(length / 10)) + "a".repeat(length % 10);
    check(await exchange(socket, text) === text, `text of ${length} bytes`);
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = i % 251;
    const echoed = new Uint8Array(await exchange(socket, bytes) as ArrayBuffer);
    check(
      echoed.length === length && echoed.every((byte, index) => byte === bytes[index]),
      `${length} bytes`,
    );
  }
  check(await exchange(socket, "fragments") === "Hello", "fragments");
  const closed = closeOf(socket);
  socket.close(3001, "done");
  const other = await connect();
  const closedByServer = closeOf(other);
  const first = await closed;
  other.send("close 4001 bye");
  return [first, await closedByServer];
}
