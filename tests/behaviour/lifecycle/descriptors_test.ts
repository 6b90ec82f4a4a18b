/** What there is no descriptor for, and what the log says of it: tests/peers has a process without any. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { type FileOps, LOG_LEVELS, type Protocol, setLogLevel } from "../../../mod.ts";
import { Acceptor } from "../../../src/transport/acceptor.ts";
import { fileOpsOf, fileTable } from "../../../src/compat/calls/files/file_table.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { hasDescriptor, isOutOfDescriptors } from "../../../src/base/descriptors.ts";
import type { Listener, Network, Transport } from "../../../src/api/network.ts";
import { get, readPage, statusOf } from "../../support/http.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { dialAlone, readResponse, serve, settle } from "../../support/serve.ts";

/** How often a stack was looked at. */
let stacks = 0;

/** As the runtime throws it; looking at its stack would take a descriptor. */
function noneLeft(code = "EMFILE"): Error {
  const error = Object.assign(new Error("Too many open files (os error 24)"), { code });
  Object.defineProperty(error, "stack", {
    get() {
      stacks++;
      return "a stack";
    },
  });
  return error;
}

const FILE_OPS: FileOps = {
  open: () => Promise.reject(noneLeft()),
  close() {},
  seekCur: () => 0,
  read: () => 0,
  write: () => 0,
};

const serving: Protocol = {
  name: "http",
  callback(wsi, reason, _user, data) {
    if (reason === "http") return wsi.serveHttpFile(data as string);
  },
};

Deno.test("a failed accept rests, is tried again every 100 ms, and has one log line a spell", async () => {
  stacks = 0;
  using log = captureLog(LOG_LEVELS);
  const clock = new FakeClock();
  const accepted: Transport[] = [];
  let calls = 0;
  const outcomes = ["fails", "fails", "fails", "works", "fails", "works", "waits"];
  const listener: Listener = {
    address: { hostname: "127.0.0.1", port: 80 },
    accept() {
      const outcome = outcomes[calls++];
      if (outcome === "fails") return Promise.reject(noneLeft());
      if (outcome === "works") return Promise.resolve({} as Transport);
      return new Promise(() => {});
    },
    close() {},
  };
  const host = { hasRoom: true, accepted: (each: Transport) => void accepted.push(each) };
  const acceptor = new Acceptor(listener, host, clock, "listener");
  void acceptor.run();
  await settle();
  assertEquals(calls, 1);
  clock.advance(99);
  await settle();
  assertEquals(calls, 1);
  for (const [after, connections] of [[2, 0], [3, 0], [5, 1], [7, 2]]) {
    clock.advance(100);
    await settle();
    assertEquals([calls, accepted.length], [after, connections]);
  }
  const failed = "err: listener: accept failed, trying every 100 ms: Error: Too many open files " +
    "(os error 24)";
  const again = "notice: listener: accepts again";
  assertEquals(log.lines, [failed, again, failed, again]);
  assertEquals(stacks, 0);
});

for (const code of ["EMFILE", "ENFILE"]) {
  Deno.test(`a file that can't be opened for want of a descriptor (${code}) is answered 503, and the next one is served`, async () => {
    stacks = 0;
    using log = captureLog(LOG_LEVELS);
    let isShort = true;
    const fileOps: FileOps = {
      ...FILE_OPS,
      open: () => isShort ? Promise.reject(noneLeft(code)) : { handle: 1, length: 0 },
    };
    await using peer = await dialAlone([serving], get("/a"), { fileOps });
    assertEquals(statusOf((await readResponse(peer)).head), 503);
    isShort = false;
    peer.send(get("/a"));
    assertEquals(statusOf((await readResponse(peer)).head), 200);
    assertStringIncludes(log.lines.join("\n"), "warn: /a: Error: Too many open files");
    assertEquals(stacks, 0);
    peer.close();
  });
}

Deno.test("the C names' file operations tell want of a descriptor from a missing file", async () => {
  const reasons: boolean[] = [];
  for (const open of [FILE_OPS.open, () => Promise.reject(new Error("not found"))]) {
    const host = { ...FILE_OPS, open };
    try {
      await fileOpsOf(fileTable(host), host).open({} as never, "/a", "read");
    } catch (error) {
      reasons.push(isOutOfDescriptors(error));
    }
  }
  assertEquals(reasons, [true, false]);
});

Deno.test("a client that has no descriptor fails, without a look at the stack", async () => {
  stacks = 0;
  using _log = captureLog(LOG_LEVELS);
  const network: Network = {
    listen: (target) => new MemoryNetwork().listen(target),
    connect: () => Promise.reject(noneLeft()),
    reverse: () => Promise.reject(noneLeft()),
  };
  const { protocol, until } = record("x");
  await using served = serve([protocol]);
  served.client([protocol], { network }).clientConnect({ address: "localhost", port: 80 });
  await until("clientConnectionError");
  assertEquals(stacks, 0);
});

Deno.test("what the program throws has its stack in the log while there are descriptors", async () => {
  stacks = 0;
  using log = captureLog(["err"]);
  const { protocol } = record("x", (_wsi, reason, _user, _data) => {
    if (reason === "http") throw noneLeft();
  });
  await using peer = await dialAlone([protocol], get("/"));
  assertEquals(await readPage(peer), "Internal Server Error");
  assertEquals([hasDescriptor(), stacks, log.lines], [true, 1, ["err: x: http threw: a stack"]]);
  peer.close();
});

Deno.test("no line is made whose level is off", async () => {
  stacks = 0;
  setLogLevel([]);
  try {
    const { protocol } = record("x", (_wsi, reason, _user, _data) => {
      if (reason === "http") throw noneLeft();
    });
    await using peer = await dialAlone([protocol], get("/"));
    assertEquals(await readPage(peer), "Internal Server Error");
    peer.close();
  } finally {
    setLogLevel(["err", "warn"]);
  }
  assertEquals(stacks, 0);
});
