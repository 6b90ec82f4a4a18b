/** Making contexts, and servicing them, in each generation. */

import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { attempt } from "../../../src/compat/engine/attempt.ts";
import { handshake, readHead, settle, WebSocketPeer } from "../../support/serve.ts";
import type { Callback, Face } from "../support.ts";
import {
  DEC15,
  FACES,
  FEB11,
  logged,
  MAR13,
  OCT12,
  on,
  rig,
  SINCE_OCT12,
  withCall,
} from "../support.ts";
import { GET, keeping, noListen, quiet, talk } from "./protocols.ts";

// Creation.

for (const face of FACES) {
  Deno.test(`${face.name}: creation listens, and serves nothing before it is serviced`, async () => {
    const calls: string[] = [];
    const callback = on("HTTP", () => void calls.push("HTTP"));
    await using server = rig(face, { port: 8080, protocols: [{ name: "talk", callback }] });
    assertEquals(server.context.port, 8080);
    const peer = await server.dial(GET);
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    assertEquals(calls, []);
    await server.until(() => calls.length === 1);
    peer.close();
  });

  Deno.test(`${face.name}: creation that fails returns null, and the log says why`, async () => {
    await using server = rig(face, { port: 8080, protocols: [quiet] });
    assertEquals(server.context.port, 8080);
    const { result, lines } = logged(() => face.create({ port: 8080, protocols: [quiet] }));
    assertEquals(result, null);
    assertMatch(lines.join("\n"), /^err: \w+create_context: .*8080 is in use/m);
  });

  Deno.test(`${face.name}: port ${noListen(face)} makes a context that only connects`, async () => {
    await using client = rig(face, { port: noListen(face), protocols: [quiet] });
    assertEquals(client.context.port, -1);
  });

  Deno.test(`${face.name}: protocols end with a null callback`, async () => {
    const end = { name: null, callback: null };
    const protocols = [quiet, { ...quiet, name: "two" }, end, { ...quiet, name: "three" }];
    await using server = rig(face, { protocols });
    assertEquals(server.context.protocols.map(({ name }) => name), ["talk", "two"]);
  });

  Deno.test(`${face.name}: a protocol without a name has to be the first`, () => {
    const { result, lines } = logged(() =>
      face.create({ protocols: [quiet, { ...quiet, name: null }] })
    );
    assertEquals(result, null);
    assertStringIncludes(lines.join("\n"), "protocols[1].name is null");
  });
}

for (const face of [FEB11, OCT12, MAR13]) {
  Deno.test(`${face.name}: port −1 is no port`, () => {
    const { result, lines } = logged(() => face.create({ port: -1, protocols: [quiet] }));
    assertEquals(result, null);
    assertStringIncludes(lines.join("\n"), "port is -1");
  });
}

SINCE_OCT12.test("an interface is listened on, and refused by name when it is none", async (face) => {
  await using _server = rig(face, { iface: "127.0.0.1", protocols: [quiet] });
  const { result, lines } = logged(() => face.create({ iface: "", protocols: [quiet] }));
  assertEquals(result, null);
  assertStringIncludes(lines.join("\n"), "iface");
});

Deno.test("a fault of the library itself is no refusal", () => {
  assertThrows(() => attempt("lws_x", "", () => decodeURIComponent("%")), URIError);
});

Deno.test("dec15: port 0 takes a free one and writes it into the struct", async () => {
  await using server = rig(DEC15, { port: 0, protocols: [quiet] });
  assert(server.context.port > 0);
  assertEquals(DEC15.info.port, server.context.port);
});

for (const face of [FEB11, OCT12, MAR13]) {
  Deno.test(`${face.name}: creation writes into the structs who serves them`, async () => {
    await using server = rig(face, { protocols: [quiet, { ...quiet, name: "two" }] });
    const [first, second] = face.structs;
    assertEquals([first!.owning_server, second!.owning_server], [server.context, server.context]);
    assertEquals([first!.protocol_index, second!.protocol_index], [0, 1]);
    assertEquals("broadcast_socket_port" in first!, face !== MAR13);
  });
}

Deno.test("dec15: creation leaves protocol structs as they are", async () => {
  await using _server = rig(DEC15, { protocols: [{ ...quiet, id: 7, user: "mine" }] });
  assertEquals(Object.keys(DEC15.structs[0]!).sort(), ["callback", "id", "name", "user"]);
  const [{ id, user }] = _server.context.protocols as unknown as [{ id: number; user: string }];
  assertEquals([id, user], [7, "mine"]);
});

for (const face of withCall("context_user")) {
  Deno.test(`${face.name}: context_user returns what creation was given, null for nothing`, async () => {
    const user = { mine: true };
    await using server = rig(face, { user, protocols: [quiet] });
    assertEquals(face.call("context_user", server.context), user);
    const other = server.also(face, { port: noListen(face), protocols: [quiet] });
    assertEquals(face.call("context_user", other), null);
  });
}

/** What is no proxy, no group and no user. */
const WRONG: Record<string, [unknown, string, Face[]]> = {
  http_proxy_address: ["http://:1", "http_proxy_address", [DEC15]],
  http_proxy_port: [65_536, "http_proxy_port", [DEC15]],
  gid: [-2, "gid", FACES],
  uid: [-2, "uid", FACES],
};

/** What can't be honoured yet, and the name under which the log refuses it. */
const REFUSED: Record<string, [unknown, string, Face[]]> = {
  ssl_cert_filepath: ["/cert.pem", "_filepath", FACES],
  ssl_ca_filepath: ["/ca.pem", "ssl_ca_filepath", [MAR13, DEC15]],
  ssl_cipher_list: ["AES", "ssl_cipher_list", [MAR13, DEC15]],
  provided_client_ssl_ctx: [{}, "provided_client_ssl_ctx", [DEC15]],
};

for (const [member, [value, name, faces]] of Object.entries({ ...REFUSED, ...WRONG })) {
  for (const face of faces) {
    Deno.test(`${face.name}: creation with ${member} is refused by name`, () => {
      const spec = { [member]: value, protocols: [quiet] };
      const { result, lines } = logged(() => face.create(spec));
      assertEquals(result, null);
      assertStringIncludes(lines.join("\n"), name);
    });
  }
}

Deno.test("dec15: members that are null, or off as in C, are as if left out", async () => {
  const off = Object.fromEntries(
    Object.keys({ ...REFUSED, ...WRONG }).map((member) => [member, null]),
  );
  await using _server = rig(DEC15, {
    ...off,
    gid: -1,
    uid: -1,
    ka_time: 0,
    ka_probes: 0,
    ka_interval: 0,
    http_proxy_port: 0,
    iface: null,
    extensions: null,
    token_limits: null,
    user: null,
    protocols: [quiet],
  });
});

for (const face of [MAR13, DEC15]) {
  Deno.test(`${face.name}: ka_time probes an idle connection, ka_probes times every ka_interval`, async () => {
    const ends: string[] = [];
    const callback = on("CLOSED", () => void ends.push("CLOSED"));
    const times = { ka_time: 60, ka_probes: 1, ka_interval: 10 };
    await using server = rig(face, { ...times, protocols: [{ ...quiet, callback }] });
    const socket = await server.open();
    server.clock.advance(60_100);
    assertEquals((await server.pump(socket.receive())).opcode, 9);
    server.clock.advance(10_100);
    await server.until(() => ends.length > 0);
  });

  Deno.test(`${face.name}: ka_time null or 0 never probes`, async () => {
    for (
      const times of [{ ka_time: null as never }, { ka_time: 0, ka_probes: 3, ka_interval: 10 }]
    ) {
      const ends: string[] = [];
      const callback = on("CLOSED", () => void ends.push("CLOSED"));
      const spec = { ...times, protocols: [{ ...quiet, callback }] };
      await using server = rig(face, spec);
      const socket = await server.open();
      const before = socket.peer.received.length;
      for (let i = 0; i < 20; i++) {
        server.clock.advance(600_000);
        await server.context.service(0);
      }
      await settle();
      assertEquals([ends, socket.peer.received.length], [[], before]);
    }
  });

  Deno.test(`${face.name}: ka_time with a ka_interval of 0 fails the creation`, () => {
    const spec = { ka_time: 60, ka_probes: 1, ka_interval: 0, protocols: [quiet] };
    const { result, lines } = logged(() => face.create(spec));
    assertEquals(result, null);
    assertStringIncludes(lines.join("\n"), "ka_interval");
  });
}

for (const face of FACES) {
  Deno.test(`${face.name}: who gives no keep-alive gets none, as in C`, async () => {
    await using server = rig(face, { protocols: [quiet] });
    const socket = await server.open({ protocol: quiet.name! });
    const before = socket.peer.received.length;
    for (let i = 0; i < 20; i++) {
      server.clock.advance(600_000);
      await server.context.service(0);
    }
    await settle();
    assertEquals(socket.peer.received.length, before);
  });

  Deno.test(`${face.name}: per_session_data_size zeroed bytes are the user of a connection, none is null`, async () => {
    const users: unknown[] = [];
    const callback = on("ESTABLISHED", (_wsi, user) => void users.push(user));
    const protocols = [
      { name: "bytes", callback, per_session_data_size: 16 },
      { name: "none", callback, per_session_data_size: 0 },
      { name: "made", callback, per_session_data_size: () => "made" },
    ];
    await using server = rig(face, { protocols });
    for (const { name } of protocols) await server.open({ protocol: name });
    await server.settle();
    assertEquals(users, [new ArrayBuffer(16), null, "made"]);
  });

  Deno.test(`${face.name}: get_protocol returns the struct itself`, async () => {
    const { wsis, protocols } = keeping();
    await using server = rig(face, { protocols: [{ ...quiet, name: "first" }, ...protocols] });
    await server.open(talk);
    await server.settle();
    assertEquals(face.call("get_protocol", wsis[0]), face.structs[1]);
  });

  Deno.test(`${face.name}: canonical_hostname is the host's own name, or unknown`, async () => {
    await using server = rig(face, { protocols: [quiet] });
    assertMatch(face.call("canonical_hostname", server.context) as string, /^.{1,127}$/);
  });
}

// Service.

FACES.test("service returns 0, 1 without a context, and an error after its end", async (face) => {
  await using server = rig(face, { protocols: [quiet] });
  const { context } = server;
  assertEquals(await face.call("service", context, 0), 0);
  assertEquals(await face.call("service", null, 0), 1);
  const waiting = face.call("service", context, -1) as Promise<number>;
  await face.call("context_destroy", context);
  const after = face === FEB11 ? 1 : -1;
  assertEquals(await waiting, after);
  assertEquals(await face.call("service", context, 0), after);
});

withCall("cancel_service").test("cancel_service ends the wait of service", async (face) => {
  await using server = rig(face, { protocols: [quiet] });
  const waiting = face.call("service", server.context, -1) as Promise<number>;
  face.call("cancel_service", server.context);
  assertEquals(await waiting, 0);
});

withCall("fork_service_loop").test("fork_service_loop serves in the background", async (face) => {
  const told = Promise.withResolvers<string>();
  const callback: Callback = (_wsi, reason, _user, input) => {
    if (reason === "RECEIVE") told.resolve(new TextDecoder().decode(input));
  };
  const server = rig(face, { protocols: [{ name: "talk", callback }] });
  assertEquals(face.call("fork_service_loop", server.context), 0);
  const peer = await server.dial(handshake(talk));
  const socket = new WebSocketPeer(peer, await readHead(peer));
  socket.send({ opcode: 1, payload: "nobody calls service" });
  assertEquals(await told.promise, "nobody calls service");
  peer.close();
  await server[Symbol.asyncDispose]();
});
