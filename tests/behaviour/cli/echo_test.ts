/** `lws echo`. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { MemoryNetwork } from "../../../src/testing/mod.ts";
import { makeSelfSigned } from "../../support/certificates.ts";
import { runCli } from "./cli.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { dialer, handshake, opened, readHead } from "../../support/serve.ts";

const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("echo says where it listens, sends messages back, and closes with 1001 at Ctrl-C", async () => {
  const network = new MemoryNetwork();
  await using echo = runCli(["echo", "--port", "7000", "--verbose"], { network });
  assertEquals(await echo.until("\n"), "listening on ws://127.0.0.1:7000/\n");
  const peer = await dialer(network, 7000)(handshake());
  const client = opened(peer, await readHead(peer));
  client.send({ opcode: 1, payload: encode("hel"), fin: false }, {
    opcode: 0,
    payload: encode("lo"),
  });
  const frames = [await client.receive(), await client.receive()];
  assertEquals(frames.map(({ opcode, fin }) => [opcode, fin]), [[1, false], [0, true]]);
  client.send({ opcode: 2, payload: new Uint8Array([1, 2]) });
  const { opcode, payload } = await client.receive();
  assertEquals([opcode, payload], [2, new Uint8Array([1, 2])]);
  echo.interrupt();
  assertEquals((await client.receiveClose()).code, 1001);
  client.send({ opcode: 8, payload: new Uint8Array([3, 0xe9]) });
  peer.close();
  assertEquals(await echo.ended, 0);
  assertStringIncludes(echo.errors, " connected, number 1\n");
  assertStringIncludes(echo.errors, " closed with 1001, after 2 messages\n");
});

Deno.test("echo is quiet about connections without --verbose, and answers HTTP with 426", async () => {
  const network = new MemoryNetwork();
  await using echo = runCli(["echo", "--port", "7000"], { network });
  await echo.until("\n");
  const peer = await dialer(network, 7000)("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assertStringIncludes(await readHead(peer), "HTTP/1.1 426 ");
  peer.close();
  assertEquals(echo.errors, "");
});

Deno.test("echo compresses with --compress alone, and speaks old versions with --versions", async () => {
  const network = new MemoryNetwork();
  await using plain = runCli(["echo", "-p", "7000"], { network });
  await using other = runCli(["echo", "-p", "7001", "--compress", "--versions", "8,13"], {
    network,
  });
  await Promise.all([plain.until("\n"), other.until("\n")]);
  const headers = ["Sec-WebSocket-Extensions: permessage-deflate"];
  const ask = async (port: number, version: number) => {
    const request = handshake({ headers }).replace("Version: 13", `Version: ${version}`);
    const peer = await dialer(network, port)(request);
    const head = await readHead(peer);
    peer.close();
    return [head.split(" ")[1], /permessage-deflate/.test(head)];
  };
  assertEquals(await ask(7000, 13), ["101", false]);
  assertEquals(await ask(7000, 8), ["426", false]);
  assertEquals(await ask(7001, 13), ["101", true]);
  assertEquals(await ask(7001, 8), ["101", true]);
});

Deno.test("echo serves wss with a certificate and its key", async () => {
  await using folder = await temporaryFolder();
  const { cert, key } = await makeSelfSigned({ name: "localhost", hosts: ["127.0.0.1"] });
  const files = [`${folder.path}/cert.pem`, `${folder.path}/key.pem`] as const;
  await Deno.writeTextFile(files[0], cert);
  await Deno.writeTextFile(files[1], key);
  await using echo = runCli(["echo", "-p", "0", "--tls-cert", files[0], "--tls-key", files[1]]);
  const [, port] = /^listening on wss:\/\/127\.0\.0\.1:(\d+)\/\n$/.exec(await echo.until("\n"))!;
  using client = Deno.createHttpClient({ caCerts: [cert] });
  const answer = await fetch(`https://127.0.0.1:${port}/`, { client });
  assertEquals(answer.status, 426);
  await answer.body?.cancel();
});
