/** Validators, preconditions and ranges of `serveHttpFile` (RFC 9110 sections 8.8, 13 and 14). */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type FileOps, type FileStat, hostFileOps, type Protocol, type Wsi } from "../../../mod.ts";
import { fieldOf, request, statusOf } from "../../support/http.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { readHead, readResponse, serve, type Served, settle } from "../../support/serve.ts";
import { named } from "../../support/named.ts";
import { temporaryFolder } from "../../support/folder.ts";

const MTIME = new Date("2026-01-02T03:04:05.678Z");
const LAST_MODIFIED = "Fri, 02 Jan 2026 03:04:05 GMT";
const EARLIER = "Fri, 02 Jan 2026 03:04:04 GMT";
const TEXT = "0123456789abcdefghij";
const ETAG = `"${MTIME.getTime().toString(16)}-14"`;

const files = named("files", { http: (wsi, _user, path) => wsi.serveHttpFile(path) });

interface Handle {
  readonly path: string;
  position: number;
}

/** Files of the program's own, and what was done with them. */
class Files implements FileOps<Handle> {
  readonly calls: string[] = [];
  readonly bytes: Uint8Array;
  readonly facts: Partial<FileStat>;
  isOpen = 0;

  constructor(facts: Partial<FileStat> = { mtime: MTIME }, bytes = new TextEncoder().encode(TEXT)) {
    this.facts = facts;
    this.bytes = bytes;
  }
  open(_wsi: unknown, path: string) {
    this.calls.push("open");
    if (path === "/none") throw new Error("not there");
    this.isOpen++;
    return { handle: { path, position: 0 }, ...this.stats() };
  }
  protected stats(): FileStat {
    return { length: this.bytes.length, ...this.facts };
  }
  close() {
    this.isOpen--;
  }
  seekCur(_wsi: unknown, handle: Handle, offset: number) {
    this.calls.push(`seekCur ${offset}`);
    return handle.position += offset;
  }
  read(_wsi: unknown, handle: Handle, buffer: Uint8Array) {
    this.calls.push("read");
    const piece = this.bytes.subarray(handle.position, handle.position + buffer.length);
    buffer.set(piece);
    handle.position += piece.length;
    return piece.length;
  }
  write(): number {
    throw new Error("nobody writes");
  }
}

/** Files of which more is known without opening them. */
class KnownFiles extends Files {
  stat(_wsi: unknown, path: string): FileStat {
    this.calls.push("stat");
    if (path === "/none") throw new Error("not there");
    return this.stats();
  }
}

interface Got {
  readonly status: number;
  readonly head: string;
  readonly body: string;
  field(name: string): string | undefined;
}

async function ask(
  served: Served,
  lines: readonly string[],
  method = "GET",
  path = "/a.txt",
): Promise<Got> {
  const peer = await served.dial();
  // A second request shows that nothing is missing of the first one's answer, nor too much.
  peer.send(request(method, path, ...lines) + request("HEAD", "/second"));
  const head = await readHead(peer);
  const hasBody = method !== "HEAD" && statusOf(head) !== 304;
  const length = hasBody ? Number(fieldOf(head, "content-length")) : 0;
  const body = new TextDecoder("latin1").decode(await peer.readBytes(length));
  assertEquals(statusOf(await readHead(peer)), 200);
  peer.close();
  return { status: statusOf(head), head, body, field: (name) => fieldOf(head, name) };
}

Deno.test("a file says its ETag, when it was modified, and that it has ranges", async () => {
  await using served = serve([files], { fileOps: new Files() });
  for (const method of ["GET", "HEAD"]) {
    const got = await ask(served, [], method);
    assertEquals([got.status, got.body], [200, method === "GET" ? TEXT : ""]);
    assertEquals(got.field("etag"), ETAG);
    assertEquals(got.field("last-modified"), LAST_MODIFIED);
    assertEquals(got.field("accept-ranges"), "bytes");
    assertEquals(got.field("content-length"), "20");
  }
});

Deno.test("of a file whose time is not known nothing is said, and only * is a condition of it", async () => {
  await using served = serve([files], { fileOps: new Files({ mtime: null }) });
  const got = await ask(served, [`If-Modified-Since: ${LAST_MODIFIED}`, 'If-None-Match: "a"']);
  assertEquals([got.status, got.field("etag"), got.field("last-modified")], [
    200,
    undefined,
    undefined,
  ]);
  assertEquals((await ask(served, ["If-None-Match: *"])).status, 304);
  assertEquals((await ask(served, ['If-Match: "a"'])).status, 412);
  assertEquals((await ask(served, ["Range: bytes=1-2"])).body, "12");
});

Deno.test("a file has a weak ETag for two seconds after it was modified, and a strong one from then on", async () => {
  for (
    const [age, isWeak] of [[0, true], [1_500, true], [2_000, false], [-60_000, true]] as const
  ) {
    const mtime = new Date(Date.now() - age);
    await using served = serve([files], { fileOps: new Files({ mtime }) });
    const etag = (await ask(served, [])).field("etag")!;
    assertEquals(etag.startsWith("W/"), isWeak, `${age} ms`);
    // The client's copy is good, and a part of it is not, if it is weak.
    assertEquals((await ask(served, [`If-None-Match: ${etag}`])).status, 304);
    const part = await ask(served, ["Range: bytes=0-1", `If-Range: ${etag}`]);
    assertEquals(part.status, isWeak ? 200 : 206);
  }
});

Deno.test("a file from the future was modified now", async () => {
  const mtime = new Date(Date.now() + 3_600_000);
  await using served = serve([files], { fileOps: new Files({ mtime }) });
  const got = await ask(served, []);
  assert(Date.parse(got.field("last-modified")!) <= Date.parse(got.field("date")!));
});

Deno.test("an etag of the program's own is the file's, weak or strong", async () => {
  for (const etag of ['"v1"', 'W/"v1"']) {
    await using served = serve([files], { fileOps: new Files({ etag }) });
    const got = await ask(served, []);
    assertEquals([got.field("etag"), got.field("last-modified")], [etag, undefined]);
    assertEquals((await ask(served, ['If-None-Match: "v1"'])).status, 304);
    assertEquals((await ask(served, ['If-Match: "v1"'])).status, etag === '"v1"' ? 200 : 412);
  }
});

for (
  const [what, facts] of [
    ["etag", { etag: "v1" }],
    ["etag", { etag: '"a"\r\nx: y' }],
    ["etag", { etag: 7 }],
    ["mtime", { mtime: new Date(NaN) }],
    ["mtime", { mtime: 1234 }],
  ] as const
) {
  Deno.test(`${what} that is ${String(Object.values(facts)[0])} is left out, with a line in the log`, async () => {
    using log = captureLog();
    await using served = serve([files], { fileOps: new Files(facts as never) });
    const { status, field, head } = await ask(served, []);
    assertEquals([status, field("etag"), field("last-modified")], [200, undefined, undefined]);
    assertEquals(fieldOf(head, "x"), undefined);
    assertStringIncludes(log.lines[0]!, `warn: /a.txt: ${what} is `);
  });
}

const CONDITIONS: [lines: string[], status: number][] = [
  [[`If-None-Match: ${ETAG}`], 304],
  [[`If-None-Match: W/${ETAG}`], 304],
  [["If-None-Match: *"], 304],
  [['If-None-Match: "a"', `If-None-Match: ${ETAG}`], 304],
  [['If-None-Match: "a"'], 200],
  [[`If-Modified-Since: ${LAST_MODIFIED}`], 304],
  [["If-Modified-Since: Fri, 02 Jan 2099 03:04:05 GMT"], 304],
  [[`If-Modified-Since: ${EARLIER}`], 200],
  [["If-Modified-Since: yesterday"], 200],
  [[`If-Modified-Since: ${LAST_MODIFIED}`, 'If-None-Match: "a"'], 200],
  [[`If-Match: ${ETAG}`], 200],
  [["If-Match: *"], 200],
  [[`If-Match: W/${ETAG}`], 412],
  [['If-Match: "a"'], 412],
  [[`If-Unmodified-Since: ${LAST_MODIFIED}`], 200],
  [[`If-Unmodified-Since: ${EARLIER}`], 412],
  [[`If-Match: ${ETAG}`, `If-Unmodified-Since: ${EARLIER}`], 200],
  [[`If-Match: ${ETAG}`, `If-None-Match: ${ETAG}`], 304],
  [['If-Match: "a"', "Range: bytes=0-1"], 412],
  [[`If-None-Match: ${ETAG}`, "Range: bytes=0-1"], 304],
];

for (const [lines, status] of CONDITIONS) {
  Deno.test(`${lines.join(", ")} is answered ${status}, for GET and HEAD, opened or not`, async () => {
    for (const fileOps of [new Files(), new KnownFiles()]) {
      await using served = serve([files], { fileOps });
      for (const method of ["GET", "HEAD"]) {
        const got = await ask(served, lines, method);
        assertEquals(got.status, status, method);
        if (status === 200) assertEquals(got.body, method === "GET" ? TEXT : "");
        if (status !== 304) continue;
        assertEquals(got.field("etag"), ETAG);
        for (const name of ["content-length", "content-type", "last-modified", "accept-ranges"]) {
          assertEquals(got.field(name), undefined, name);
        }
      }
      assertEquals(fileOps.isOpen, 0);
    }
  });
}

Deno.test("a 304 of a file without an ETag says when it was modified", async () => {
  for (const fields of [[], [["last-modified", LAST_MODIFIED]]] as const) {
    const protocol = serveWith([["etag", "none"], ...fields]);
    await using served = serve([protocol], { fileOps: new Files() });
    const got = await ask(served, [`If-Modified-Since: ${LAST_MODIFIED}`]);
    assertEquals([got.status, got.field("last-modified")], [304, LAST_MODIFIED]);
    assertEquals(got.head.split("last-modified").length, 2);
  }
});

/** Serves every path with these fields. */
function serveWith(fields: readonly (readonly [string, string])[], type?: string): Protocol {
  return named("files", { http: (wsi, _user, path) => wsi.serveHttpFile(path, type, fields) });
}

Deno.test("preconditions and ranges are of GET and HEAD, and any other method gets the file", async () => {
  await using served = serve([files], { fileOps: new Files() });
  const lines = ["Content-Length: 0", 'If-Match: "a"', "Range: bytes=0-1"];
  const got = await ask(served, lines, "POST");
  assertEquals([got.status, got.body, got.field("accept-ranges")], [200, TEXT, undefined]);
});

Deno.test("a 304 and a 412 cost no open where the file operations can tell", async () => {
  const fileOps = new KnownFiles();
  await using served = serve([files], { fileOps });
  for (const line of [`If-None-Match: ${ETAG}`, 'If-Match: "a"']) {
    const peer = await served.dial(request("GET", "/a.txt", line));
    await readHead(peer);
    assertEquals(fileOps.calls.splice(0), ["stat"], line);
    peer.close();
  }
  // Whoever wants all of it doesn't pay for that.
  assertEquals((await ask(served, [])).status, 200);
  assertEquals(fileOps.calls, ["open", "read", "open"]);
});

Deno.test("an open that a program puts in place of another decides about every answer", async () => {
  const fileOps = new KnownFiles();
  await using served = serve([files], { fileOps });
  served.context.fileOps.open = () => {
    throw new Error("not for you");
  };
  const peer = await served.dial(request("GET", "/a.txt", `If-None-Match: ${ETAG}`));
  assertEquals(statusOf((await readResponse(peer)).head), 404);
  assertEquals(fileOps.calls, []);
  peer.close();
});

Deno.test("a file that is not there has no conditions", async () => {
  for (const fileOps of [new Files(), new KnownFiles()]) {
    await using served = serve([files], { fileOps });
    for (const line of ["If-None-Match: *", "If-Match: *", "Range: bytes=0-1"]) {
      assertEquals((await ask(served, [line], "GET", "/none")).status, 404, line);
    }
  }
});

const RANGES: [range: string, body: string, contentRange: string][] = [
  ["bytes=0-0", "0", "bytes 0-0/20"],
  ["bytes=0-19", TEXT, "bytes 0-19/20"],
  ["bytes=5-7", "567", "bytes 5-7/20"],
  ["bytes=18-", "ij", "bytes 18-19/20"],
  ["bytes=-3", "hij", "bytes 17-19/20"],
  ["bytes=-100", TEXT, "bytes 0-19/20"],
  ["bytes=10-9999999999999999999999", "abcdefghij", "bytes 10-19/20"],
  ["bytes=0-4,5-9", "0123456789", "bytes 0-9/20"],
  ["bytes=0-1,99-", "01", "bytes 0-1/20"],
];

for (const [range, body, contentRange] of RANGES) {
  Deno.test(`${range} is answered with ${contentRange}`, async () => {
    const fileOps = new Files();
    await using served = serve([files], { fileOps });
    const got = await ask(served, [`Range: ${range}`]);
    assertEquals([got.status, got.body], [206, body]);
    assertEquals(got.field("content-range"), contentRange);
    assertEquals(got.field("content-type"), "text/plain; charset=utf-8");
    assertEquals(got.field("etag"), ETAG);
    assertEquals(got.field("last-modified"), LAST_MODIFIED);
    assertEquals(fileOps.isOpen, 0);
    // RFC 9110 section 14.2: of HEAD there are no ranges.
    const head = await ask(served, [`Range: ${range}`], "HEAD");
    assertEquals([head.status, head.field("content-length")], [200, "20"]);
    assertEquals(head.field("content-range"), undefined);
  });
}

for (const range of ["bytes=20-", "bytes=-0", "bytes=30-40,50-"]) {
  Deno.test(`${range} is answered 416, and the connection goes on`, async () => {
    const fileOps = new Files();
    await using served = serve([files], { fileOps });
    const got = await ask(served, [`Range: ${range}`]);
    assertEquals([got.status, got.field("content-range")], [416, "bytes */20"]);
    assertEquals(fileOps.isOpen, 0);
  });
}

for (
  const range of ["bytes=a-b", "items=0-1", "bytes=5-4", "bytes=", `bytes=${"0-0,".repeat(17)}`]
) {
  Deno.test(`Range: ${range} is ignored`, async () => {
    await using served = serve([files], { fileOps: new Files() });
    const got = await ask(served, [`Range: ${range}`]);
    assertEquals([got.status, got.body, got.field("content-range")], [200, TEXT, undefined]);
  });
}

Deno.test("an empty file has no ranges", async () => {
  await using served = serve([files], { fileOps: new Files({ mtime: MTIME }, new Uint8Array(0)) });
  const got = await ask(served, ["Range: bytes=0-"]);
  assertEquals([got.status, got.field("content-range")], [416, "bytes */0"]);
  assertEquals((await ask(served, [])).field("content-length"), "0");
  assertEquals((await ask(served, ["Range: bytes=-5"])).status, 200);
});

Deno.test("If-Range has a part sent only of the version that the client has", async () => {
  await using served = serve([files], { fileOps: new Files() });
  const statuses = async (...values: string[]) => {
    const all = values.map((value) => ask(served, ["Range: bytes=0-1", `If-Range: ${value}`]));
    return (await Promise.all(all)).map(({ status }) => status);
  };
  assertEquals(await statuses(ETAG, LAST_MODIFIED), [206, 206]);
  assertEquals(await statuses('"a"', `W/${ETAG}`, EARLIER, "yesterday", "*"), Array(5).fill(200));
});

Deno.test("several ranges come as multipart/byteranges, each with its type and place", async () => {
  const fileOps = new Files();
  await using served = serve([files], { fileOps });
  const boundaries = new Set<string>();
  for (let i = 0; i < 2; i++) {
    const got = await ask(served, ["Range: bytes=15-16,0-1,-1"]);
    assertEquals([got.status, got.field("content-range")], [206, undefined]);
    const [, boundary] = /^multipart\/byteranges; boundary=(\w{32})$/.exec(
      got.field("content-type")!,
    )!;
    boundaries.add(boundary!);
    const part = (place: string, bytes: string) =>
      `--${boundary}\r\ncontent-type: text/plain; charset=utf-8\r\n` +
      `content-range: bytes ${place}/20\r\n\r\n${bytes}\r\n`;
    assertEquals(
      got.body,
      part("15-16", "fg") + part("0-1", "01") + part("19-19", "j") + `--${boundary}--\r\n`,
    );
    assertEquals(got.field("etag"), ETAG);
  }
  assertEquals(boundaries.size, 2, "no boundary is used twice");
  assertEquals(fileOps.isOpen, 0);
});

Deno.test("large ranges of a large file are those bytes, whatever their order", async () => {
  const bytes = new Uint8Array(1_000_000).map((_, i) => i * 31 >> 3);
  await using served = serve([files], { fileOps: new Files({ mtime: MTIME }, bytes) });
  const slice = (first: number, last: number) =>
    new TextDecoder("latin1").decode(bytes.subarray(first, last + 1));
  assert((await ask(served, ["Range: bytes=123456-900000"])).body === slice(123_456, 900_000));
  const { body } = await ask(served, ["Range: bytes=500000-700000,1-200000,900000-"]);
  const bodies = body.split(/\r?\n?--\w{32}(?:--)?\r\n/).slice(1, -1)
    .map((part) => part.slice(part.indexOf("\r\n\r\n") + 4));
  assertEquals(bodies.length, 3);
  assert(bodies[0] === slice(500_000, 700_000));
  assert(bodies[1] === slice(1, 200_000));
  assert(bodies[2] === slice(900_000, 999_999));
});

const BAD_SEEKS: Record<string, FileOps["seekCur"]> = {
  throws() {
    throw new Error("on purpose");
  },
  rejects: () => Promise.reject(new Error("on purpose")),
  "goes nowhere": () => 0,
  "counts to NaN": () => NaN,
};

for (const [what, seekCur] of Object.entries(BAD_SEEKS)) {
  Deno.test(`a range of a file whose seekCur ${what} is answered with all of the file`, async () => {
    const fileOps = Object.assign(new Files(), { seekCur });
    await using served = serve([files], { fileOps });
    for (const range of ["bytes=3-4", "bytes=0-0,5-5"]) {
      const got = await ask(served, [`Range: ${range}`]);
      assertEquals([got.status, got.body], [200, TEXT]);
    }
    assertEquals(fileOps.isOpen, 0);
  });
}

Deno.test("a later seekCur that fails cuts the connection", async () => {
  using _log = captureLog();
  const bytes = new Uint8Array(300_000);
  const fileOps = new Files({ mtime: MTIME }, bytes);
  const seek = fileOps.seekCur.bind(fileOps);
  let isSent = false;
  fileOps.seekCur = (...given) => isSent ? -1 : seek(...given);
  fileOps.read = () => {
    isSent = true;
    return 1;
  };
  await using served = serve([files], { fileOps });
  const peer = await served.dial(request("GET", "/a", "Range: bytes=0-0,5-5"));
  const length = Number(fieldOf(await readHead(peer), "content-length"));
  assert((await peer.readToEnd()).length < length);
  assertEquals(fileOps.isOpen, 0);
  peer.close();
});

Deno.test("fields of the program come in place of the library's", async () => {
  const fields = [
    ["ETag", '"mine"'],
    ["Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT"],
    ["Cache-Control", "max-age=60"],
    ["Content-Type", "text/x-mine"],
    ["Content-Language", "en"],
    ["Set-Cookie", "a=1"],
    ["Set-Cookie", "b=2"],
  ] as const;
  await using served = serve([serveWith(fields, "text/other")], { fileOps: new Files() });
  const lines = ({ head }: Got) =>
    head.toLowerCase().split("\r\n").slice(1).filter((line) => !/^(date:|$)/.test(line)).toSorted();
  const whole = await ask(served, []);
  assertEquals(whole.body, TEXT);
  const kept = ['etag: "mine"', "set-cookie: a=1", "set-cookie: b=2", "cache-control: max-age=60"];
  const ofBody = ["content-type: text/x-mine", "content-language: en", "accept-ranges: bytes"];
  const modified = "last-modified: thu, 01 jan 2026 00:00:00 gmt";
  assertEquals(lines(whole), [...kept, ...ofBody, modified, "content-length: 20"].toSorted());
  const part = await ask(served, ["Range: bytes=0-1", 'If-Range: "mine"']);
  assertEquals(
    lines(part),
    [...kept, ...ofBody, modified, "content-length: 2", "content-range: bytes 0-1/20"].toSorted(),
  );
  const unmodified = await ask(served, ['If-None-Match: "mine"']);
  assertEquals(unmodified.status, 304);
  assertEquals(lines(unmodified), [...kept, modified].toSorted());
  const since = (date: string) => ask(served, [`If-Modified-Since: ${date}`]);
  assertEquals((await since("Thu, 01 Jan 2026 00:00:00 GMT")).status, 304);
  assertEquals((await since("Wed, 31 Dec 2025 23:59:59 GMT")).status, 200);
  assertMatch(
    (await ask(served, ["Range: bytes=0-0,5-5"])).body,
    /^--\w{32}\r\ncontent-type: text\/x-mine\r\n/,
  );
});

for (
  const field of ["Content-Length: 20", "Transfer-Encoding: chunked", "Content-Range: bytes 0-0/1"]
) {
  Deno.test(`${field} of the program is refused by name`, async () => {
    const refused: unknown[] = [];
    const protocol = named("files", {
      http(wsi, _user, path) {
        try {
          wsi.serveHttpFile(path, undefined, [field.split(": ") as [string, string]]);
        } catch (error) {
          refused.push((error as Error).message);
        }
        return wsi.serveHttpFile(path);
      },
    });
    await using served = serve([protocol], { fileOps: new Files() });
    assertEquals((await ask(served, [])).body, TEXT);
    assertStringIncludes(String(refused[0]).toLowerCase(), field.split(":")[0]!.toLowerCase());
  });
}

Deno.test("accept-ranges: none of the program has ranges ignored", async () => {
  const fileOps = new Files();
  await using served = serve([serveWith([["Accept-Ranges", "none"]])], { fileOps });
  const got = await ask(served, ["Range: bytes=0-1"]);
  assertEquals([got.status, got.field("accept-ranges"), got.body], [200, "none", TEXT]);
});

Deno.test("httpFileCompletion follows a 206 and a 304, and neither a 412 nor a 416", async () => {
  const recorder = record("files", { http: (wsi, _user, data) => wsi.serveHttpFile(data) });
  await using served = serve([recorder.protocol], { fileOps: new Files() });
  const peer = await served.dial();
  let count = 0;
  for (
    const [line, completes] of [
      ["Range: bytes=0-1", 1],
      [`If-None-Match: ${ETAG}`, 1],
      ['If-Match: "a"', 0],
      ["Range: bytes=99-", 0],
      ["Range: bytes=0-0,5-5", 1],
    ] as const
  ) {
    peer.send(request("GET", "/a", line));
    await (line.startsWith("If-None") ? readHead(peer) : readResponse(peer));
    await settle();
    count += completes;
    assertEquals(
      recorder.reasons.filter((each) => each === "httpFileCompletion").length,
      count,
      line,
    );
  }
  peer.close();
});

/** A folder with one file, which is old enough for a strong tag. */
async function withFile(run: (served: Served, name: string) => Promise<void>, bytes = TEXT) {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  const name = `${folder}/a.txt`;
  await Deno.writeTextFile(name, bytes);
  await Deno.utime(name, MTIME, MTIME);
  await using served = serve([files], { fileOps: hostFileOps(folder) });
  await Deno.writeTextFile(`${folder}/second`, "");
  await run(served, name);
}

Deno.test("the host's files have it all", () =>
  withFile(async (served, name) => {
    const got = await ask(served, []);
    assertEquals([got.body, got.field("etag"), got.field("last-modified")], [
      TEXT,
      ETAG,
      LAST_MODIFIED,
    ]);
    assertEquals((await ask(served, [`If-None-Match: ${ETAG}`])).status, 304);
    assertEquals((await ask(served, ["Range: bytes=-3"])).body, "hij");
    assertMatch((await ask(served, ["Range: bytes=9-9,0-0"])).body, /\r\n9\r\n--[^]*\r\n0\r\n--/);
    // Another version has another tag, if its length or its time differs by a millisecond.
    const later = new Date(MTIME.getTime() + 1);
    await Deno.utime(name, later, later);
    assertEquals((await ask(served, [`If-None-Match: ${ETAG}`])).status, 200);
    await Deno.writeTextFile(name, `${TEXT}k`);
    await Deno.utime(name, MTIME, MTIME);
    assertEquals((await ask(served, [`If-None-Match: ${ETAG}`])).status, 200);
  }));

Deno.test("a 304 of a host's file opens nothing", () =>
  withFile(async (served) => {
    const { open, openSync } = Deno;
    const opened: unknown[] = [];
    Deno.open = (...given) => (opened.push(given[0]), open(...given));
    Deno.openSync = (...given) => (opened.push(given[0]), openSync(...given));
    try {
      const peer = await served.dial(request("GET", "/a.txt", `If-None-Match: ${ETAG}`));
      assertEquals(statusOf(await readHead(peer)), 304);
      assertEquals(opened, []);
      peer.send(request("GET", "/a.txt"));
      assertEquals((await readResponse(peer)).body, TEXT);
      assertEquals(opened.length, 1);
      peer.close();
    } finally {
      Object.assign(Deno, { open, openSync });
    }
  }));

Deno.test("a file that is replaced or deleted under way is sent as it was", () =>
  withFile(async (served, name) => {
    const peer = await served.dial();
    peer.transport.stopReading();
    peer.send(request("GET", "/a.txt"));
    await settle();
    await Deno.rename(name, `${name}.old`);
    await Deno.writeTextFile(name, "b".repeat(1_000_000));
    await Deno.remove(`${name}.old`);
    peer.transport.startReading();
    const { body } = await readResponse(peer);
    assert(body === "a".repeat(1_000_000));
    peer.close();
  }, "a".repeat(1_000_000)));

Deno.test("of a file that grows under way what was announced is sent", () =>
  withFile(async (served, name) => {
    const peer = await served.dial();
    peer.transport.stopReading();
    peer.send(request("GET", "/a.txt") + request("HEAD", "/second"));
    await settle();
    await Deno.writeTextFile(name, "b".repeat(500_000), { append: true });
    peer.transport.startReading();
    const { head, body } = await readResponse(peer);
    assertEquals(fieldOf(head, "content-length"), "1000000");
    assert(body === "a".repeat(1_000_000));
    assertEquals(statusOf(await readHead(peer)), 200);
    peer.close();
  }, "a".repeat(1_000_000)));

Deno.test("a part of a file that shrinks under way never looks whole", () =>
  withFile(async (served, name) => {
    using _log = captureLog();
    for (const range of ["bytes=100-", "bytes=0-0,2-900000"]) {
      await Deno.writeTextFile(name, "a".repeat(1_000_000));
      const peer = await served.dial();
      peer.transport.stopReading();
      peer.send(request("GET", "/a.txt", `Range: ${range}`));
      await settle();
      await Deno.truncate(name, 500_000);
      peer.transport.startReading();
      const length = Number(fieldOf(await readHead(peer), "content-length"));
      const body = await peer.readToEnd();
      assert(body.length < length);
      assert(!new TextDecoder().decode(body).includes("--\r\n"));
      peer.close();
    }
  }, "a".repeat(1_000_000)));

Deno.test("a dotfile is not there unless it is asked for", async () => {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  await Deno.mkdir(`${folder}/.git`);
  for (const name of [".env", ".git/config", "a.b", "..."]) {
    await Deno.writeTextFile(`${folder}/${name}`, TEXT);
  }
  const statuses = async (fileOps: FileOps) => {
    await using served = serve([files], { fileOps });
    const all = [
      "/.env",
      "/.git/config",
      "/./a.b",
      "//.env",
      "/...",
      "/%5c.env",
      "/%2eenv",
      "/a.b",
    ];
    const got: number[] = [];
    for (const path of all) {
      const peer = await served.dial(request("GET", path));
      got.push(statusOf((await readResponse(peer)).head));
      peer.close();
    }
    return got;
  };
  assertEquals(await statuses(hostFileOps(folder)), [404, 404, 200, 404, 404, 404, 404, 200]);
  const shown = await statuses(hostFileOps(folder, { dotfiles: true }));
  assertEquals(shown, [200, 200, 200, 200, 200, 404, 200, 200]);
  // Paths of the program's own are opened as they are.
  const { handle } = await hostFileOps().open({} as Wsi, `${folder}/.env`, "read");
  handle.close();
});
