/** TLS that fails now and then, under load, by a seed: OpenSSL, `node:tls` and the runtime's own. */

import { TLSSocket } from "node:tls";
import { isEpollAvailable } from "../../../src/transport/epoll/mod.ts";
import { EpollNetwork } from "../../../src/transport/epoll/network.ts";
import { opensslStack } from "../../../src/transport/epoll/openssl/stack.ts";
import { bringTlsStack } from "../../../src/tls/stack.ts";
import { runtimeNetwork } from "../../runtime_network.ts";
import { makeCertificates } from "../../support/certificates.ts";
import { Dice, forSeeds } from "../../support/faults/dice.ts";
import { failing, noMemory, systemError } from "../../support/faults/failing.ts";
import { failingConn, failingLibc } from "../../support/faults/sockets.ts";
import { type Faulted, storm } from "../../support/faults/storm.ts";
import { watchedNetwork } from "../../support/faults/watched_network.ts";
import { FaultyLibc } from "../../unit/transport/epoll/faulty_libc.ts";
import {
  type CanFail,
  CountedOpenssl,
  type OpensslFault,
} from "../../unit/transport/epoll/openssl/counted.ts";

const made = await makeCertificates();
const SERVER = { sslCertFilepath: made.localhost.cert, sslPrivateKeyFilepath: made.localhost.key };
const CLIENTS = {
  sslCaFilepath: made.ca.cert,
  sslCertFilepath: made.client.cert,
  sslPrivateKeyFilepath: made.client.key,
  options: { disableOsCaCerts: true },
};

/** Every other server asks for a certificate. */
function serverOf(seed: number) {
  if (seed % 2 === 1) return SERVER;
  return { ...SERVER, sslCaFilepath: made.ca.cert, options: { requireValidClientCert: true } };
}

/** Buffers of so many bytes are made by the stack alone, and for what is long. */
const LARGE = 2048;
/** What all connections of a table share. */
const PIPES = { BIO_free: 2 };
const pointerOf = (pointer: unknown) => Deno.UnsafePointer.value(pointer as Deno.PointerValue);

/** Both ends by one table, so that what is left in its pipes meets whoever comes next. */
function overOpenssl(seed: number): Faulted {
  const dice = new Dice(seed);
  const counted = new CountedOpenssl();
  const faulty = new FaultyLibc();
  const network = new EpollNetwork(faulty.libc, 1);
  bringTlsStack(network, opensslStack(counted.openssl));
  const spared = new Set<unknown>();
  let isOn = false;
  let faults = 0;
  /** Whether what is called now is for a connection that is spared. */
  let isSpared = false;
  const isOf = (owner: unknown) => {
    if (!isOn) spared.add(owner);
    isSpared = spared.has(owner);
  };
  const isDue = (name: string, odds: number) => {
    const isNow = isOn && !isSpared && dice.roll(name) < odds;
    if (isNow) faults++;
    return isNow;
  };
  const breaks = () => counted.breaks(dice.roll("is made") < 0.5);
  const HOW: Readonly<Record<CanFail, () => OpensslFault>> = {
    SSL_new: () => () => null,
    SSL_ctrl: () => () => 0n,
    SSL_do_handshake: breaks,
    SSL_read: breaks,
    SSL_write: breaks,
    SSL_shutdown: () => () => -1,
    BIO_write: () => (real, bio, bytes, length) =>
      real(bio, bytes, Math.floor(dice.roll("length") * (length as number))),
    X509_STORE_CTX_new: () => () => null,
    X509_STORE_CTX_init: () => () => 0,
    X509_STORE_CTX_set_default: () => () => 0,
    X509_verify_cert: () => () => -1,
    X509_check_host: () => () => -1,
    i2d_X509: () => () => -1,
  };
  counted.judge = (name, [first]) => {
    if (name.startsWith("SSL_") && name !== "SSL_new") isOf(pointerOf(first));
    return isDue(name, 0.01) ? HOW[name]() : undefined;
  };
  const judgeCall = failingLibc(faulty, dice, isDue);
  faulty.judge = (name, args) => {
    if (name === "recv" || name === "send") isOf(args[0]);
    else isSpared = spared.has(name === "epoll_ctl" ? args[2] : args[0]);
    return judgeCall(name, args);
  };
  const isIt = ([length]: readonly unknown[]) =>
    typeof length === "number" && length >= LARGE && isDue("Uint8Array", 0.03);
  const memory = failing(globalThis, "Uint8Array", { times: Infinity, isIt, error: noMemory });
  return {
    server: { ...serverOf(seed), network },
    clients: { ...CLIENTS, network },
    scheme: "wss",
    sparesFirst: true,
    begin: () => isOn = true,
    end: () => isOn = false,
    faults: () => faults,
    left() {
      memory[Symbol.dispose]();
      return [counted.held, ...faulty.descriptors];
    },
    nothing: [PIPES],
  };
}

/** `node:tls` at both ends, over sockets of the runtime's that fail at the server's. */
function overNode(seed: number): Faulted {
  const dice = new Dice(seed);
  const watched = watchedNetwork();
  const spared = new WeakSet<TLSSocket>();
  let isOn = false;
  let faults = 0;
  const isDue = (name: string, odds: number) => {
    const isNow = isOn && dice.roll(name) < odds;
    if (isNow) faults++;
    return isNow;
  };
  watched.onAccept = (conn) => void (isOn && failingConn(conn, isDue));
  // As the stream does it when it can't encrypt.
  const real = TLSSocket.prototype.write;
  TLSSocket.prototype.write = function (this: TLSSocket, ...args: unknown[]) {
    if (!isOn) spared.add(this);
    if (spared.has(this) || !isDue("TLSSocket.write", 0.02)) return Reflect.apply(real, this, args);
    this.destroy(systemError("EPROTO", "protocol error"));
    return false;
  };
  return {
    server: { ...serverOf(seed), network: watched.network },
    clients: { ...CLIENTS, network: runtimeNetwork },
    scheme: "wss",
    sparesFirst: true,
    begin: () => isOn = true,
    end: () => isOn = false,
    faults: () => faults,
    left: () => void (TLSSocket.prototype.write = real),
  };
}

/** Clients by the runtime's own TLS. */
function overRuntime(seed: number): Faulted {
  const dice = new Dice(seed);
  let isOn = false;
  let faults = 0;
  const isDue = (name: string, odds: number) => {
    const isNow = isOn && dice.roll(name) < odds;
    if (isNow) faults++;
    return isNow;
  };
  const { startTls } = Deno;
  Deno.startTls = async (conn, options) => {
    if (isDue("startTls", 0.05)) {
      conn.close();
      throw systemError("EMFILE", "Too many open files");
    }
    const secured = await startTls(conn, { ...options, caCerts: [made.ca.cert] });
    if (isOn) failingConn(secured, isDue);
    return secured;
  };
  return {
    server: { ...SERVER, network: runtimeNetwork },
    clients: { network: runtimeNetwork },
    scheme: "wss",
    sparesFirst: true,
    begin: () => isOn = true,
    end: () => isOn = false,
    faults: () => faults,
    left: () => void (Deno.startTls = startTls),
  };
}

const missing = isEpollAvailable() ? undefined : "Linux";
forSeeds("faults of OpenSSL at random", [1, 2], (seed) => storm(overOpenssl(seed)), missing);
forSeeds("faults of node:tls at random", [1, 2], (seed) => storm(overNode(seed)));
forSeeds("faults of the runtime's TLS at random", [1], (seed) => storm(overRuntime(seed)));
