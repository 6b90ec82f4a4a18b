/** A server that runs out of descriptors: `ulimit -n` is the shell's, so that it runs below one. */

import { assertEquals } from "@std/assert";
import { connect as connectTls } from "node:tls";
import { connect, type Socket } from "node:net";
import { Child } from "../support/child.ts";
import { makeCertificates } from "../support/certificates.ts";
import { statusOf } from "../support/http.ts";
import { BASH, PYTHON } from "./peer.ts";
import { withFiles } from "./pem_files.ts";

const DESCRIPTORS = 256;
const CONNECTS = 400;

const certificates = await makeCertificates();

type Mode = "plain" | "tls" | "descriptor";

// The runtime's own look for updates, half a second after its start, ends it when it gets no descriptor.
const LIMITS = `export DENO_NO_UPDATE_CHECK=1; ulimit -n ${DESCRIPTORS}; exec "$@"`;
const BY_SHELL = ["bash", "-c", LIMITS, "bash"];

/** What goes before the program. */
const LIMITED: Record<Mode, readonly string[]> = {
  plain: BY_SHELL,
  tls: BY_SHELL,
  descriptor: [
    "python3",
    "-c",
    `import os, socket, sys
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(511)
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.execvp(sys.argv[1], sys.argv[1:])`,
    ...BY_SHELL,
  ],
};

/** A client that asks one thing after the other. */
class Asker {
  readonly #socket: Socket;
  #text = "";
  #whenMore = () => {};
  #hasEnded = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    const more = () => this.#whenMore();
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      this.#text += text;
      more();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#hasEnded = true;
      more();
    });
  }

  /** The status of the answer, whose body is discarded. */
  async ask(path: string): Promise<number> {
    this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    for (;;) {
      const [head] = this.#text.split("\r\n\r\n", 1) as [string];
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? Infinity);
      if (this.#text.length >= head.length + 4 + length) {
        this.#text = this.#text.slice(head.length + 4 + length);
        return statusOf(head);
      }
      if (this.#hasEnded) throw new Error(`it ended behind ${JSON.stringify(this.#text)}`);
      await new Promise<void>((resolve) => this.#whenMore = resolve);
    }
  }

  close(): Promise<void> {
    return gone(this.#socket);
  }
}

function gone(socket: Socket): Promise<void> {
  if (socket.closed) return Promise.resolve();
  return new Promise((resolve) => {
    socket.once("close", () => resolve());
    socket.destroy();
  });
}

function dial(port: number, mode: Mode): Promise<Asker> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port };
    const socket = mode === "tls"
      ? connectTls({ ...options, ca: certificates.ca.cert, servername: "localhost" })
      : connect(options);
    socket.once(mode === "tls" ? "secureConnect" : "connect", () => resolve(new Asker(socket)));
    socket.once("error", reject);
  });
}

/** Connects and says nothing. */
function occupy(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port }, () => resolve(socket));
    socket.on("error", reject);
  });
}

/** Reads what the child says up to such a line: spells without descriptors may come and go. */
async function untilSaid(child: Child, line: RegExp): Promise<void> {
  while (!line.test(await child.line()));
}

for (const mode of ["plain", "tls", "descriptor"] as const) {
  const needed = mode === "descriptor" ? PYTHON : BASH;
  needed.test(`no descriptor left: a server lives on, and accepts again (${mode})`, () => {
    const { cert, key } = certificates.localhost;
    return withFiles({ cert, key, page: "a page" }, async ({ cert, key, page }) => {
      await using child = new Child(LIMITED[mode], "few_descriptors.ts", ["-A"], [
        mode,
        page,
        cert,
        key,
      ]);
      const port = Number((await child.line()).split(" ")[1]);
      const first = await dial(port, mode);
      const second = await dial(port, mode);
      assertEquals(await first.ask("/file"), 200);
      assertEquals(await second.ask("/"), 200);

      const crowd: Socket[] = [];
      while (crowd.length < CONNECTS) crowd.push(await occupy(port));
      if (mode !== "descriptor") {
        await untilSaid(child, /^err: listener: accept failed.*Too many open files/);
      }
      // What was written on a connection that stands is served, as far as that takes no descriptor.
      while (await first.ask("/file") !== 503);
      await untilSaid(child, /^warn: .*page\.pem.*Too many open files/);
      // So is a listing, which is no file: it is there.
      assertEquals(await first.ask("/folder/"), 503);
      assertEquals(await first.ask("/folder/few_descriptors.ts"), 503);
      assertEquals(await first.ask("/"), 200);
      // With its stack, which the runtime would open files for, it ended the process.
      assertEquals(await second.ask("/throw"), 500);
      await untilSaid(child, /^err: http: http threw: Error: the program's own$/);

      await Promise.all(crowd.map(gone));
      const late = await dial(port, mode);
      assertEquals(await late.ask("/"), 200);
      assertEquals(await late.ask("/file"), 200);
      if (mode !== "descriptor") {
        assertEquals(await child.line(), "notice: listener: accepts again");
      }
      // With descriptors it has its stack.
      assertEquals(await first.ask("/throw"), 500);
      await untilSaid(child, /^err: http: http threw: Error: the program's own \| +at /);
      await Promise.all([first, second, late].map((each) => each.close()));
    });
  });
}
