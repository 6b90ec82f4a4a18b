/** Our clients and our servers over every version that both speak: handshake, messages, closing. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { CloseInfo, ContextCreationInfo, Draft04Masking, WireVersion } from "../../../mod.ts";
import { permessageDeflate } from "../../../mod.ts";
import { named } from "../../support/named.ts";
import { serve, settle } from "../../support/serve.ts";
import { readAnswer, requestOf, VERSIONS } from "./old_peers.ts";

type ClientVersion = Exclude<WireVersion, "hixie-75">;

const SPOKEN = VERSIONS.filter((each) => each !== "hixie-75");
const TARGET = { address: "127.0.0.1", port: 80 } as const;

interface Settings {
  readonly info?: Partial<ContextCreationInfo>;
  readonly masking?: Draft04Masking;
}

/** What a server and a client of one version are told, in order; the client closes at the end. */
async function talk(version: ClientVersion, { info = {}, masking = "draft" }: Settings = {}) {
  const told: string[] = [];
  const closes: CloseInfo[] = [];
  const done = Promise.withResolvers<void>();
  const closed = (_wsi: unknown, _user: unknown, how: CloseInfo) => {
    closes.push(how);
    if (closes.length === 2) done.resolve();
  };
  const first = named("first", {});
  const chat = (end: string) =>
    named("chat", {
      established(wsi) {
        told.push(`${end} speaks ${wsi.wireVersion} of ${wsi.protocol.name}`);
        wsi.write("from the server");
      },
      clientEstablished(wsi) {
        told.push(`${end} speaks ${wsi.wireVersion} of ${wsi.protocol.name}`);
        told.push(`extensions ${wsi.extensions.join()}`);
        wsi.write("grüße");
        wsi.write("x".repeat(70_000));
      },
      message(wsi, _user, message) {
        const text = String(message);
        told.push(`${end} got ${text.length > 20 ? text.length : text}`);
        if (text.startsWith("xx")) wsi.write("that is all");
        if (text === "that is all") wsi.close(4001, "done");
      },
      closed,
      clientConnectionError: (_wsi, _user, why) => done.reject(new Error(String(why))),
    });
  await using served = serve([first, chat("server")], {
    versions: [version],
    draft04Masking: masking,
    ...info,
  });
  const client = served.client([first, chat("client")], info);
  client.clientConnect({ ...TARGET, version, protocol: "chat", draft04Masking: masking });
  await done.promise;
  return { told, closes };
}

for (const version of SPOKEN) {
  Deno.test(`version ${version}: texts of both ends arrive, and the closing handshake is clean`, async () => {
    const { told, closes } = await talk(version);
    assertEquals(told.toSorted(), [
      "client got from the server",
      "client got that is all",
      `client speaks ${version} of chat`,
      "extensions ",
      "server got 70000",
      "server got grüße",
      `server speaks ${version} of chat`,
    ]);
    const code = version === 0 || version === 4 || version === 5 ? 1005 : 4001;
    const sides = closes.map(({ code, wasClean, cause }) => [code, wasClean, cause]);
    assertEquals(sides.filter(([, , cause]) => cause === "peer"), [[code, true, "peer"]]);
    const own = sides.find(([, , cause]) => cause === "self")!;
    assertEquals(own[1], true);
  });

  Deno.test(`version ${version}: extensions are agreed on where the version has them`, async () => {
    const { told } = await talk(version, { info: { extensions: [permessageDeflate()] } });
    const names = version === 0 ? "" : "permessage-deflate";
    assert(told.includes(`extensions ${names}`), told.join("\n"));
    assert(told.includes("server got 70000"));
  });
}

Deno.test("version 4: both ends have to mask in the same way, as nothing tells them", async () => {
  await talk(4, { masking: "libwebsockets" });
  const closes: number[] = [];
  const received: unknown[] = [];
  const closed = Promise.withResolvers<void>();
  await using served = serve([named("chat", {
    message: (_wsi, _user, message) => void received.push(message),
    closed(_wsi, _user, { code }) {
      closes.push(code);
      closed.resolve();
    },
  })], { versions: [4] });
  const client = served.client([named("chat", {
    clientEstablished: (wsi) => void wsi.write("unreadable"),
  })]);
  client.clientConnect({ ...TARGET, version: 4, draft04Masking: "libwebsockets" });
  await settle();
  assert(!received.includes("unreadable"), "it was read");
});

Deno.test("a client speaks what it is asked to, whatever its context's servers do", async () => {
  const told: unknown[] = [];
  await using served = serve([named("chat", {
    established: (wsi) => void told.push(wsi.wireVersion),
  })], { versions: [8, 0] });
  const { context } = served;
  const refused = Promise.withResolvers<unknown>();
  const other = served.client([named("chat", {
    clientConnectionError: (_wsi, _user, why) => refused.resolve(why),
  })], { versions: [13] });
  context.clientConnect({ ...TARGET, version: 8 });
  context.clientConnect({ ...TARGET, version: 0 });
  other.clientConnect({ ...TARGET });
  assertStringIncludes(String(await refused.promise), "426");
  await settle();
  assertEquals(told, [8, 0]);
});

Deno.test("frames that come in one read with a handshake are taken behind it", async () => {
  for (const version of [0, "hixie-75"] as const) {
    const told: unknown[] = [];
    await using served = serve([named("chat", {
      message(wsi, _user, message) {
        told.push(message);
        wsi.write(message);
      },
    })], { versions: [version] });
    const peer = await served.dial(requestOf(version) + "\x00one");
    peer.send(Uint8Array.of(0xff, 0, 0x74, 0x77, 0x6f, 0xff));
    await readAnswer(peer, version);
    const echoed = await peer.readBytes(10);
    assertEquals(new TextDecoder("latin1").decode(echoed), "\x00one\xff\x00two\xff");
    assertEquals(told, ["one", "two"]);
    peer.close();
  }
});
