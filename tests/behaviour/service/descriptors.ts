/** Contexts over real descriptors, a program around a poll table, and peers over the runtime's TCP. */

import {
  type Context,
  type ContextCreationInfo,
  createContext,
  type PollFd,
  type Protocol,
} from "../../../mod.ts";
import { isEpollAvailable } from "../../../src/transport/epoll/mod.ts";
import { EpollNetwork } from "../../../src/transport/epoll/network.ts";
import { handshake } from "../../support/serve.ts";
import { FaultyLibc } from "../../unit/transport/epoll/faulty_libc.ts";
import { assertEquals } from "@std/assert";

/** Runs where the C library may be called; afterwards no descriptor of it is left. */
export function testDescriptors(
  name: string,
  body: (network: EpollNetwork, faulty: FaultyLibc) => Promise<void>,
): void {
  const ignore = !isEpollAvailable();
  Deno.test({
    name: ignore ? `${name} (needs Linux and --allow-ffi)` : name,
    ignore,
    async fn() {
      const faulty = new FaultyLibc();
      const network = new EpollNetwork(faulty.libc, 1);
      await body(network, faulty);
      await network.released();
      assertEquals([...faulty.descriptors], []);
    },
  });
}

/** A context that its program polls, with the table and what was told. */
export class PolledProgram {
  readonly table: PollFd[] = [];
  readonly told: string[] = [];
  readonly context: Context;

  constructor(
    network: EpollNetwork,
    answer: (...args: Parameters<Protocol["callback"]>) => ReturnType<Protocol["callback"]>,
    info: Partial<ContextCreationInfo> = {},
  ) {
    const { table, told } = this;
    this.context = createContext({
      port: 0,
      iface: "127.0.0.1",
      service: "external",
      network,
      ...info,
      protocols: [{
        name: "x",
        callback(...args) {
          const [wsi, reason, , data] = args;
          if (reason === "addPollFd") table.push({ ...data, revents: 0 });
          else if (reason === "changeModePollFd") {
            table.find(({ fd }) => fd === data.fd)!.events = data.events;
          } else if (reason === "delPollFd") {
            table.splice(table.findIndex(({ fd }) => fd === data.fd), 1);
          } else if (!/Poll$|^getThreadId/.test(reason)) told.push(`${reason} ${wsi.socketFd}`);
          return answer(...args);
        },
      }],
    });
  }

  /** The entry of the listener. */
  get listener(): PollFd {
    return this.table[0]!;
  }

  entry(fd: number): PollFd | undefined {
    return this.table.find((each) => each.fd === fd);
  }

  /** Serves what `poll` says until something is so. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      if (await this.context.poll(this.table, 1_000) < 0) return;
      this.context.serviceFd(null);
      for (const each of [...this.table]) if (each.revents !== 0) this.context.serviceFd(each);
    }
  }
}

/** A peer that has asked for a WebSocket, and sends small frames. */
export class Peer {
  readonly conn: Deno.TcpConn;

  private constructor(conn: Deno.TcpConn) {
    this.conn = conn;
  }

  static async open(port: number): Promise<Peer> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    await conn.write(new TextEncoder().encode(handshake({ protocol: "x" })));
    return new Peer(conn);
  }

  async send(text: string): Promise<void> {
    const payload = new TextEncoder().encode(text);
    await this.conn.write(Uint8Array.of(0x81, 0x80 | payload.length, 0, 0, 0, 0, ...payload));
  }

  /** All that comes until `isEnough`, as text. */
  async read(isEnough: (text: string) => boolean): Promise<string> {
    let text = "";
    const buffer = new Uint8Array(4096);
    while (!isEnough(text)) {
      const count = await this.conn.read(buffer);
      if (count === null) break;
      text += new TextDecoder("latin1").decode(buffer.subarray(0, count));
    }
    return text;
  }

  close(): void {
    this.conn.close();
  }
}
