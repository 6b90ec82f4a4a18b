/** What sessions of permessage-deflate hold, and that they let go of it. */

import { assert, assertEquals } from "@std/assert";
import { parseExtensions } from "../../../src/core/websocket/extension_header.ts";
import type { Extension, ExtensionSession } from "../../../src/api/extension.ts";
import { deflateStream } from "../../../src/extensions/deflate_stream.ts";
import { permessageDeflate } from "../../../src/extensions/permessage_deflate.ts";
import { handlers, type Wsi } from "../../../mod.ts";
import { openAlone, serve, settle } from "../../support/serve.ts";
import { named } from "../../support/named.ts";

const TAKEOVER = { serverNoContextTakeover: false, clientNoContextTakeover: false, threshold: 0 };
const OFFERS = parseExtensions("permessage-deflate")!;
const MESSAGE = new TextEncoder().encode("a message with the same words, with the same words");

function whole(payload: Uint8Array) {
  return { payload, isFirst: true, isLast: true, compress: undefined };
}

function roundTrip(from: ExtensionSession, to: ExtensionSession, target: Uint8Array): Uint8Array {
  const encoded = from.encode(whole(MESSAGE));
  assert(encoded !== undefined);
  to.push(encoded.slice(), true);
  return target.subarray(0, to.read(target));
}

Deno.test("20,000 connections in turn, each with windows of its own, leave memory flat", () => {
  const extension = permessageDeflate(TAKEOVER);
  const target = new Uint8Array(1000);
  const before = Deno.memoryUsage().rss;
  for (let i = 0; i < 20_000; i++) {
    const { session } = extension.accept(OFFERS)!;
    assertEquals(roundTrip(session, session, target), MESSAGE);
    session.close();
    // Left open they would take 5 GB; tests that run beside this one take their part.
    if (i % 1000 === 0) assert(Deno.memoryUsage().rss - before < 400 * 1024 * 1024);
  }
  extension.close();
});

Deno.test("without takeover, sessions share streams, also with messages that overlap", () => {
  const extension = permessageDeflate({ threshold: 0 });
  const sessions = Array.from({ length: 20 }, () => extension.accept(OFFERS)!.session);
  const target = new Uint8Array(1000);
  const begun = sessions.map((session) =>
    session.encode({ ...whole(MESSAGE), isLast: false })!.slice()
  );
  // All receivers are in the middle of a message before the first one is through.
  for (const [i, session] of sessions.entries()) {
    session.push(begun[i]!, false);
    assertEquals(target.subarray(0, session.read(target)), MESSAGE);
  }
  for (const session of sessions) {
    session.push(session.encode({ ...whole(MESSAGE), isFirst: false })!.slice(), true);
    assertEquals(target.subarray(0, session.read(target)), MESSAGE);
  }
  // One that ends in the middle of both takes its streams with it.
  sessions[0]!.encode({ ...whole(MESSAGE), isLast: false });
  sessions[0]!.push(begun[0]!, false);
  for (const session of sessions) session.close();
  const { session } = extension.accept(OFFERS)!;
  assertEquals(roundTrip(session, session, target), MESSAGE);
  session.close();
  extension.close();
});

/** Counts the sessions of an extension that are open. */
function counting(extension: Extension): Extension & { open: number; closes: number } {
  const counted = (session: ExtensionSession): ExtensionSession => {
    all.open++;
    const close = session.close.bind(session);
    session.close = () => {
      all.open--;
      close();
    };
    return session;
  };
  const all = {
    name: extension.name,
    open: 0,
    closes: 0,
    offer: () => extension.offer(),
    close() {
      all.closes++;
      extension.close();
    },
    accept(offers: Parameters<Extension["accept"]>[0]) {
      const accepted = extension.accept(offers);
      return accepted && { answer: accepted.answer, session: counted(accepted.session) };
    },
    confirm: (answer: Parameters<Extension["confirm"]>[0]) => counted(extension.confirm(answer)),
  };
  return all;
}

Deno.test("a session of deflate-stream is closed with its connection", async () => {
  const ours = counting(deflateStream());
  {
    await using peer = await openAlone([{ name: "server", callback: handlers({}) }], {
      extensions: [ours],
    }, { headers: ["Sec-WebSocket-Extensions: deflate-stream"] });
    assertEquals(ours.open, 1);
    peer.peer.close();
    await settle();
    assertEquals(ours.open, 0);
  }
});

Deno.test("a session is closed with its connection, however that ends, on both sides", async () => {
  const ours = counting(permessageDeflate(TAKEOVER));
  const theirs = counting(permessageDeflate(TAKEOVER));
  const opened: Wsi[] = [];
  {
    await using served = serve([named("server", { established: (wsi) => void opened.push(wsi) })], {
      extensions: [ours],
    });
    const client = served.client([
      named("client", { clientEstablished: (wsi) => void wsi.write("compressed") }),
    ], { extensions: [theirs] });
    for (let i = 0; i < 4; i++) client.clientConnect({ address: "memory", port: 80 });
    const peer = await served.open({ headers: ["Sec-WebSocket-Extensions: permessage-deflate"] });
    await settle();
    assertEquals([ours.open, theirs.open], [5, 4]);
    opened[0]!.close(1000);
    opened[1]!.setTimeout("userReason", 0);
    peer.peer.close();
    await settle();
    await served.pass(1000);
    assertEquals([ours.open, theirs.open], [2, 2]);
  }
  assertEquals([ours.open, theirs.open], [0, 0]);
  // What is shared goes with the context.
  assertEquals([ours.closes, theirs.closes], [1, 1]);
});

Deno.test("a client that its own filter refuses has no session", async () => {
  const theirs = counting(permessageDeflate());
  await using served = serve([{ name: "server", callback: handlers({}) }], {
    extensions: [permessageDeflate()],
  });
  let failures = 0;
  const client = served.client([named("client", {
    clientFilterPreEstablish: () => 1,
    clientConnectionError: () => void failures++,
  })], { extensions: [theirs] });
  client.clientConnect({ address: "memory", port: 80 });
  await settle();
  assertEquals([failures, theirs.open], [1, 0]);
});
