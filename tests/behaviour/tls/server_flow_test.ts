/** A server that speaks TLS: what is held, and who is stopped. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { Wsi } from "../../../mod.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { handshake, readHead, settle } from "../../support/serve.ts";
import { dialTls, openTls } from "../../support/tls_peer.ts";
import { CA, CLIENT, TLS, TRUST_ONLY } from "./server.ts";
import { overStacks } from "../../support/tls/stacks.ts";

/** Waits for what takes some turns of the runtime, and nothing else. */
async function until(satisfied: () => boolean): Promise<void> {
  while (!satisfied()) await new Promise((resolve) => setImmediate(resolve));
}

function patternOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i * 31 + (i >> 8));
}

overStacks(
  "receiving that is off from the start holds what comes behind the handshake",
  async (stack) => {
    let server: Wsi | undefined;
    const recorder = record("echo", (wsi, reason, _user, _data) => {
      if (reason !== "wsiCreate") return;
      server = wsi;
      wsi.rxFlowControl(false);
      // There is nothing to answer yet, and nobody to answer to.
      assertEquals([wsi.write("early", "http"), wsi.isSsl, wsi.tls], [-1, 0, undefined]);
    });
    await using served = stack.serve([recorder.protocol], TLS);
    const { peer } = await dialTls(served.network, CA);
    peer.send(handshake());
    await until(() => server!.isSsl === 1);
    await settle();
    assertEquals(recorder.reasons.includes("filterProtocolConnection"), false);
    server!.rxFlowControl(true);
    assertStringIncludes(await readHead(peer), " 101 ");
    peer.close();
    await peer.closed;
  },
);

overStacks(
  "addresses behind a PROXY header have their limit, at it and one past it",
  async (stack) => {
    using _log = captureLog([]);
    const recorder = record("echo");
    await using served = stack.serve([recorder.protocol], {
      ...TLS,
      proxyProtocol: true,
      maxConnectionsPerAddress: 2,
    });
    const from = (last: number) => ({
      ...CA,
      preface: `PROXY TCP4 203.0.113.${last} 198.51.100.1 50000 443\r\n`,
    });
    const sockets = [
      await openTls(served.network, from(1)),
      await openTls(served.network, from(1)),
    ];
    await assertRejects(() => openTls(served.network, from(1)), Error, "closed the connection");
    sockets.push(await openTls(served.network, from(2)));
    sockets[0]!.peer.close();
    await until(() => recorder.reasons.includes("closed"));
    sockets.push(await openTls(served.network, from(1)));
    for (const socket of sockets) socket.peer.close();
    await Promise.all(sockets.map((socket) => socket.peer.closed));
  },
);

/** Hands over pieces as long as they are taken, and counts their bytes. */
function pump(wsi: Wsi, piece: Uint8Array, count: (bytes: number) => void): void {
  wsi.write(piece, "binary");
  count(piece.length);
  wsi.callbackOnWritable();
}

overStacks(
  "a server that stops receiving stops a TLS client within 2 MiB, and loses nothing",
  async (stack) => {
    let handedOver = 0;
    let received = 0;
    let server: Wsi | undefined;
    await using served = stack.serve([{
      name: "echo",
      callback(wsi, reason, _user, data) {
        if (reason === "established") {
          server = wsi;
          wsi.rxFlowControl(false);
        }
        if (reason === "receive") received += data.length;
      },
    }], TLS);
    let isOver = false;
    const piece = patternOf(64 * 1024);
    served.client([{
      name: "echo",
      callback(wsi, reason, _user, _data) {
        if (reason === "clientEstablished" || reason === "clientWriteable") {
          if (!isOver) pump(wsi, piece, (bytes) => handedOver += bytes);
        }
      },
    }], TRUST_ONLY).clientConnect(CLIENT);
    await until(() => handedOver > 0);
    for (let i = 0; i < 50; i++) await settle();
    const stopped = handedOver;
    assert(stopped < 2 * 1024 * 1024, `${stopped} bytes were handed over`);
    assertEquals(received, 0);
    server!.rxFlowControl(true);
    await until(() => received >= 8 * 1024 * 1024);
    isOver = true;
    await until(() => received === handedOver);
  },
);

overStacks(
  "a client that stops receiving stops a TLS server within 2 MiB, and loses nothing",
  async (stack) => {
    let handedOver = 0;
    let received = 0;
    let client: Wsi | undefined;
    let isOver = false;
    const piece = patternOf(64 * 1024);
    await using served = stack.serve([{
      name: "echo",
      callback(wsi, reason, _user, _data) {
        if (reason === "established" || reason === "serverWriteable") {
          if (!isOver) pump(wsi, piece, (bytes) => handedOver += bytes);
        }
      },
    }], TLS);
    served.client([{
      name: "echo",
      callback(wsi, reason, _user, data) {
        if (reason === "clientEstablished") {
          client = wsi;
          wsi.rxFlowControl(false);
        }
        if (reason === "clientReceive") received += data.length;
      },
    }], TRUST_ONLY).clientConnect(CLIENT);
    await until(() => client !== undefined && handedOver > 0);
    for (let i = 0; i < 50; i++) await settle();
    assert(handedOver < 2 * 1024 * 1024, `${handedOver} bytes were handed over`);
    assertEquals(received, 0);
    client!.rxFlowControl(true);
    await until(() => received >= 8 * 1024 * 1024);
    isOver = true;
    await until(() => received === handedOver);
  },
);

overStacks(
  "partialBuffered and maxUnsentBytes hold a writer over TLS, at the limit and one past it",
  async (stack) => {
    using log = captureLog(["warn"]);
    const seen: unknown[] = [];
    const recorder = record("echo", (wsi, reason, _user, _data) => {
      if (reason !== "established") return;
      // Frames of more than 65,535 bytes have 10 bytes in front, smaller ones 4, the smallest 2; the
      // answer to the handshake lies unsent as well.
      const before = wsi.unsentBytes;
      seen.push(wsi.write(new Uint8Array(200_000 - before - 10), "binary"));
      seen.push([wsi.unsentBytes, wsi.partialBuffered]);
      seen.push(wsi.write("", "text"), wsi.partialBuffered);
      seen.push(wsi.write(new Uint8Array(300_000 - wsi.unsentBytes - 10), "binary"));
      seen.push(wsi.unsentBytes);
      seen.push(wsi.write("", "text"));
    });
    await using served = stack.serve([recorder.protocol], {
      ...TLS,
      softUnsentBytes: 200_000,
      maxUnsentBytes: 300_000,
    });
    const { peer } = await dialTls(served.network, CA);
    peer.send(handshake());
    await recorder.until("wsiDestroy");
    assertEquals(seen.slice(1, 4).flat(), [200_000, false, 0, true]);
    assertEquals(seen.slice(5), [300_000, -1]);
    assertStringIncludes(log.lines.join("\n"), "maxUnsentBytes");
    peer.close();
    await peer.closed;
  },
);
