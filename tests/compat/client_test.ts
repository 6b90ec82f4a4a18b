/** Clients of every generation: where they connect to, and how they are refused. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { MemoryPeer } from "../../src/testing/memory_peer.ts";
import type { MemoryTransport } from "../../src/testing/memory_transport.ts";
import { readHead } from "../support/serve.ts";
import type { Wsi } from "../../mod.ts";
import { acceptance, type Callback, DEC15, FACES, logged, on, rig, withReason } from "./support.ts";

for (const face of FACES) {
  Deno.test(`${face.name}: an IPv6 address may be in brackets and have a zone, and Host has brackets alone`, async () => {
    for (const address of ["::1", "[::1]", "[::1%25lo]", "::1%lo"]) {
      const established: string[] = [];
      const callback: Callback = (_wsi, reason) => {
        if (/ESTABLISHED|ERROR/.test(reason)) established.push(reason);
      };
      const port = face.api.CONTEXT_PORT_NO_LISTEN;
      await using client = rig(face, { port, protocols: [{ name: "talk", callback }] });
      const listener = client.network.listen({ hostname: "h", port: 81 });
      // C programs have the address as host as well, as it was given to them.
      const given = [client.context, address, 81, 0, "/", address, null, null, -1];
      const connected = Promise.resolve(face.call("client_connect", ...given));
      const peer = new MemoryPeer(await client.pump(listener.accept()) as MemoryTransport);
      const request = await client.pump(readHead(peer));
      assertStringIncludes(request, "\r\nHost: [::1]\r\n");
      peer.send(await acceptance(request, ""));
      await client.pump(connected);
      await client.until(() => established.length > 0);
      assertEquals(established, ["CLIENT_ESTABLISHED"]);
      peer.close();
      listener.close();
    }
  });

  Deno.test(`${face.name}: an address that is none is refused, and the log names it`, async () => {
    const port = face.api.CONTEXT_PORT_NO_LISTEN;
    const callback: Callback = () => 0;
    await using client = rig(face, { port, protocols: [{ name: "talk", callback }] });
    for (const address of ["[::1", "::g", "a:80", "[192.0.2.1]"]) {
      const given = [client.context, address, 81, 0, "/", null, null, null, -1];
      const { result, lines } = logged(() => face.call("client_connect", ...given));
      assertEquals(await result, null);
      assertStringIncludes(lines.join("\n"), `address is ${JSON.stringify(address)}`);
    }
  });
}

for (const face of withReason("CLIENT_CONNECTION_ERROR")) {
  Deno.test(`${face.name}: the answer of a server that refuses can be read in CLIENT_CONNECTION_ERROR`, async () => {
    const seen: unknown[] = [];
    const callback = on("CLIENT_CONNECTION_ERROR", (wsi, _user, data) => {
      const status = { value: "" };
      if (face.has("hdr_copy")) {
        face.call("hdr_copy", wsi, status, 100, face.api.WSI_TOKEN_HTTP);
      }
      seen.push([data, status.value, (wsi as Wsi).hdrCopy("retry-after")]);
    });
    const port = face.api.CONTEXT_PORT_NO_LISTEN;
    await using client = rig(face, { port, protocols: [{ name: "talk", callback }] });
    const listener = client.network.listen({ hostname: "h", port: 80 });
    const given = [client.context, "h", 80, 0, "/", "h", null, null, -1];
    const connected = Promise.resolve(face.call("client_connect", ...given));
    const peer = new MemoryPeer(await client.pump(listener.accept()) as MemoryTransport);
    await client.pump(readHead(peer));
    peer.send("HTTP/1.1 503 Busy\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n");
    await client.pump(connected);
    await client.until(() => seen.length > 0);
    const text = face === DEC15 ? "the server answered 503 Busy" : null;
    assertEquals(seen, [[text, face.has("hdr_copy") ? "503 Busy" : "", "9"]]);
    peer.close();
    listener.close();
  });
}
