/** The option `mounts`: what is served, what passes on, and what is never found. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { handlers } from "../../../mod.ts";
import { withFiles, withMount } from "../../support/folder.ts";
import { fieldOf, get, reply, request, statusOf, textOfPage } from "../../support/http.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { readHead, readResponse, serve, type Served, settle } from "../../support/serve.ts";
import { named } from "../../support/named.ts";

/** Answers with the path that it was asked for. */
const program = named("http", {
  http: (wsi, _user, path) => reply(wsi, 200, `program ${wsi.method} ${path}`),
});

async function ask(served: Served, head: string) {
  const peer = await served.dial(head);
  const response = head.startsWith("HEAD ")
    ? { head: await readHead(peer), body: "" }
    : await readResponse(peer);
  peer.close();
  return { ...response, status: statusOf(response.head) };
}

const SITE = {
  "index.html": "<p>root",
  "app.js": "1",
  "sub/index.html": "<p>sub",
  "sub/page.txt": "page",
  "bare/x.txt": "x",
  "a b/ü.txt": "umlaut",
};

Deno.test("a context with a port and mounts alone serves files", () =>
  withMount(SITE, {}, async (served) => {
    for (
      const [target, type, body] of [
        ["/", "text/html; charset=utf-8", "<p>root"],
        ["/index.html?x=1", "text/html; charset=utf-8", "<p>root"],
        ["/app.js", "text/javascript; charset=utf-8", "1"],
        ["/sub/", "text/html; charset=utf-8", "<p>sub"],
        ["/sub//./page.txt", "text/plain; charset=utf-8", "page"],
        ["/a%20b/%C3%BC.txt", "text/plain; charset=utf-8", "umlaut"],
        ["http://localhost/app.js", "text/javascript; charset=utf-8", "1"],
      ] as const
    ) {
      const answer = await ask(served, get(target));
      assertEquals([answer.status, answer.body], [200, body], target);
      assertEquals(fieldOf(answer.head, "content-type"), type);
      assertEquals(fieldOf(answer.head, "cache-control"), undefined);
    }
  }));

Deno.test("HEAD, HTTP/1.0 and pipelined requests are served as well", () =>
  withMount(SITE, {}, async (served) => {
    const peer = await served.dial(
      request("HEAD", "/app.js") + get("/app.js") + get("/none") + get("/sub/page.txt"),
    );
    const head = await readHead(peer);
    assertEquals([statusOf(head), fieldOf(head, "content-length")], [200, "1"]);
    const bodies = [];
    for (let i = 0; i < 3; i++) bodies.push(textOfPage((await readResponse(peer)).body));
    assertEquals(bodies, ["1", "Not Found", "page"]);
    const old = await served.dial("GET /app.js HTTP/1.0\r\n\r\n");
    const answer = new TextDecoder().decode(await old.readToEnd());
    assertStringIncludes(answer, "connection: close\r\n");
    assert(answer.endsWith("\r\n\r\n1"));
  }));

Deno.test("without a protocol WebSockets are refused", () =>
  withMount(SITE, {}, async (served) => {
    const lines = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"];
    const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    assertEquals((await ask(served, get("/", ...lines, key))).status, 403);
  }));

Deno.test("what a mount has not goes on to the program, and so do other methods", () =>
  withMount(SITE, { protocols: [program] }, async (served) => {
    for (const target of ["/none.txt", "/bare/", "/app.js/", "/sub/none"]) {
      const answer = await ask(served, get(target));
      assertEquals([answer.status, textOfPage(answer.body)], [200, `program GET ${target}`]);
    }
    for (const method of ["POST", "DELETE", "OPTIONS"]) {
      const answer = await ask(served, request(method, "/app.js", "Content-Length: 0"));
      assertEquals(textOfPage(answer.body), `program ${method} /app.js`);
    }
    assertEquals((await ask(served, get("/app.js"))).body, "1");
  }));

for (const protocols of [[], [{ name: "x", callback: handlers({ message() {} }) }]]) {
  const behind = protocols.length === 0 ? "no protocol" : "handlers without http";
  Deno.test(`with ${behind} behind it, the answer is 404, or 405 for another method`, () =>
    withMount(SITE, { path: "/files", protocols }, async (served) => {
      assertEquals((await ask(served, get("/files/none"))).status, 404);
      assertEquals((await ask(served, get("/elsewhere"))).status, 404);
      const peer = await served.dial();
      for (const method of ["POST", "DELETE"]) {
        peer.send(request(method, "/files/app.js", "Content-Length: 0"));
        const { head } = await readResponse(peer);
        assertEquals([statusOf(head), fieldOf(head, "allow")], [405, "GET, HEAD"]);
        peer.send(get("/files/app.js"));
        assertEquals((await readResponse(peer)).body, "1");
      }
      const post = await ask(served, request("POST", "/elsewhere", "Content-Length: 0"));
      assertEquals(post.status, 404);
    }));
}

Deno.test("of several mounts the longest path counts, by whole segments", () =>
  withFiles(
    { "r/x.txt": "root", "r/static/x.txt": "hidden", "s/x.txt": "static" },
    async (base) => {
      const mounts = [
        { path: "/", folder: `${base}/r` },
        { path: "/static/", folder: `${base}/s` },
        { path: "/static/deep", folder: `${base}/r` },
      ];
      await using served = serve([], { mounts });
      const bodies: Record<string, string> = {
        "/x.txt": "root",
        "/static/x.txt": "static",
        "/static/deep/x.txt": "root",
      };
      for (const [target, body] of Object.entries(bodies)) {
        assertEquals((await ask(served, get(target))).body, body);
      }
      // Nothing of the shorter one shines through, and a part of a segment is none.
      for (const target of ["/static/none", "/staticfoo", "/staticx.txt"]) {
        assertEquals((await ask(served, get(target))).status, 404, target);
      }
    },
  ));

Deno.test("cacheControl is sent with files, and with nothing else", () =>
  withMount(SITE, { cacheControl: "public, max-age=60" }, async (served) => {
    const { head } = await ask(served, get("/app.js"));
    assertEquals(fieldOf(head, "cache-control"), "public, max-age=60");
    for (const target of ["/none", "/sub"]) {
      assertEquals(fieldOf((await ask(served, get(target))).head, "cache-control"), undefined);
    }
  }));

Deno.test("a mount is asked behind filterHttpConnection, and the program is told of the end", async () => {
  const seen: string[] = [];
  const recorder = record("files", (wsi, reason, _user, data) => {
    if (reason === "filterHttpConnection") seen.push(wsi.uri);
    if (reason === "filterHttpConnection" && data === "/app.js") return 1;
    if (reason === "http") {
      return reply(wsi, 200, "program");
    }
  });
  await withMount(SITE, { protocols: [recorder.protocol] }, async (served) => {
    assertEquals((await ask(served, get("/app.js"))).status, 403);
    assertEquals((await ask(served, get("/sub/page.txt"))).body, "page");
    await recorder.until("httpFileCompletion");
    assertEquals(seen, ["/app.js", "/sub/page.txt"]);
  });
});

Deno.test("a filter that is awaited comes before a mount, too", async () => {
  const verdict = Promise.withResolvers<-1 | 0>();
  const protocol = named("x", { filterHttpConnection: () => verdict.promise });
  await withMount(SITE, { protocols: [protocol] }, async (served) => {
    const peer = await served.dial(get("/app.js"));
    await settle();
    assertEquals(peer.received.length, 0);
    verdict.resolve(0);
    assertEquals((await readResponse(peer)).body, "1");
  });
});

Deno.test("an index of another name, and none", async () => {
  await withMount({ "home.htm": "home" }, { index: "home.htm" }, async (served) => {
    const { head, body } = await ask(served, get("/"));
    assertEquals([body, fieldOf(head, "content-type")], ["home", "text/html; charset=utf-8"]);
  });
  await withMount(SITE, { index: false }, async (served) => {
    assertEquals((await ask(served, get("/"))).status, 404);
  });
  await withMount({ "index.html/x": "" }, {}, async (served) => {
    assertEquals((await ask(served, get("/"))).status, 404);
  });
});

Deno.test("a folder without its slash is redirected to it, with its query", () =>
  withMount({ ...SITE, "ü <&'\"\n:": "", "ö/x": "" }, {}, async (served) => {
    for (
      const [target, location] of [
        ["/sub", "/sub/"],
        ["/bare?a=b&c", "/bare/?a=b&c"],
        ["/sub?//evil.example/", "/sub/?//evil.example/"],
        ["/a%20b", "/a%20b/"],
        ["/%c3%b6", "/%C3%B6/"],
        ["//sub", "/sub/"],
        ["///sub?x", "/sub/?x"],
        ["http://evil.example/sub", "/sub/"],
        ["http://evil.example//sub", "/sub/"],
      ] as const
    ) {
      const peer = await served.dial();
      const host = /^http:\/\/([^/]*)/.exec(target)?.[1] ?? "localhost";
      peer.send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      const { head } = await readResponse(peer);
      assertEquals([statusOf(head), fieldOf(head, "location")], [301, location], target);
      peer.close();
    }
  }));

Deno.test("nothing of a request gets into the redirect's head, or names another host", () =>
  withMount({ "evil.example/x": "", "sub/x": "" }, {}, async (served) => {
    for (
      const target of [
        "//evil.example",
        "/\\evil.example",
        "/%5cevil.example",
        "/%2fevil.example",
        "//evil.example/%2e%2e",
        "/sub/..//evil.example",
        "/sub%0d%0aset-cookie:%20a=b",
        "/sub%0a",
        "/sub?%0d%0aset-cookie:%20a=b",
      ]
    ) {
      const { head } = await ask(served, get(target));
      assertEquals(fieldOf(head, "set-cookie"), undefined);
      const location = fieldOf(head, "location");
      if (location === undefined) assert([400, 404].includes(statusOf(head)), target);
      else assert(/^\/(?:[^/\\]|$)/.test(location), location);
    }
  }));

Deno.test("a mount's own path is a folder, too", () =>
  withMount(SITE, { path: "/static" }, async (served) => {
    const { head } = await ask(served, get("/static"));
    assertEquals([statusOf(head), fieldOf(head, "location")], [301, "/static/"]);
    assertEquals((await ask(served, get("/static/"))).body, "<p>root");
  }));

for (
  const target of [
    "/../secret.txt",
    "/sub/../app.js",
    "/sub/%2e%2e/app.js",
    "/sub/.%2E/app.js",
    "/%252e%252e/secret.txt",
    "/..%5csecret.txt",
    "/sub%5Cpage.txt",
    "/sub%2fpage.txt",
    "/sub/..;/app.js",
    "/link.txt",
    "/linked/secret.txt",
    "/linked/",
    "/linked",
    "/loop",
    "/dangling",
    "/fifo",
    "/dev",
    "/.env",
    "/.git/config",
    "/.git",
    "/.git/",
    "/sub/.hidden",
    "/sub/.hidden/x.txt",
    "/%2eenv",
    "/...",
    "/.well-known/.env",
    "/sub/.well-known/x.txt",
    `/${"x".repeat(300)}`,
    `/${"x/".repeat(1_500)}`,
    "/app.js/",
    "/app.js/x",
  ]
) {
  Deno.test(`${target.slice(0, 40)} is not found in a mount`, () =>
    withMount(
      {
        ...SITE,
        ".env": "secret",
        ".git/config": "secret",
        "sub/.hidden/x.txt": "secret",
        "...": "secret",
        ".well-known/.env": "secret",
        "sub/.well-known/x.txt": "secret",
      },
      { listing: true },
      async (served, folder) => {
        await Deno.symlink("../secret.txt", `${folder}/link.txt`);
        await Deno.symlink("..", `${folder}/linked`);
        await Deno.symlink("/dev", `${folder}/dev`);
        await Deno.symlink("loop", `${folder}/loop`);
        await Deno.symlink("nowhere", `${folder}/dangling`);
        await new Deno.Command("mkfifo", { args: [`${folder}/fifo`] }).output();
        const { status, body } = await ask(served, get(target));
        assertEquals(status, 404);
        assert(!body.includes("secret"));
      },
    ));
}

Deno.test("a path that can be read in two ways is refused before a mount is asked", () =>
  withMount(SITE, {}, async (served) => {
    for (const target of ["/..%2fsecret.txt", "/..\\secret.txt", "/sub\\page.txt"]) {
      assertEquals((await ask(served, get(target))).status, 400, target);
    }
  }));

Deno.test("an encoded NUL or line end is refused before a mount is asked", () =>
  withMount(SITE, {}, async (served) => {
    for (const target of ["/app.js%00", "/%00", "/sub/%0d%0a", "/app.js%00.txt"]) {
      assertEquals((await ask(served, get(target))).status, 400, target);
    }
  }));

Deno.test("a device in a mounted folder is not found, without waiting for it", async () => {
  await using served = serve([], { mounts: [{ path: "/", folder: "/dev" }] });
  for (const target of ["/null", "/zero", "/tty"]) {
    assertEquals((await ask(served, get(target))).status, 404, target);
  }
});

Deno.test("links inside of the folder are followed, and so is one that is the folder", () =>
  withFiles({ "one/x.txt": "1", "two/x.txt": "2", "one/.rev/y.txt": "y" }, async (base) => {
    await Deno.symlink("one", `${base}/current`);
    await Deno.symlink("x.txt", `${base}/one/link.txt`);
    await Deno.symlink(".rev/y.txt", `${base}/one/y.txt`);
    await using served = serve([], { mounts: [{ path: "/", folder: `${base}/current` }] });
    const body = async (target: string) => (await ask(served, get(target))).body;
    assertEquals([await body("/x.txt"), await body("/link.txt")], ["1", "1"]);
    // Whoever made the link means the file to be there.
    assertEquals(await body("/y.txt"), "y");
    await Deno.remove(`${base}/current`);
    await Deno.symlink("two", `${base}/current`);
    assertEquals(await body("/x.txt"), "2");
  }));

Deno.test("dotfiles are served when they are asked for, and .well-known always", async () => {
  const files = { ".env": "e", ".well-known/acme-challenge/t0": "token", "s/.x/y.txt": "y" };
  await withMount(files, { dotfiles: true }, async (served) => {
    assertEquals((await ask(served, get("/.env"))).body, "e");
    assertEquals((await ask(served, get("/s/.x/y.txt"))).body, "y");
  });
  await withMount(files, {}, async (served) => {
    assertEquals((await ask(served, get("/.well-known/acme-challenge/t0"))).body, "token");
  });
});

Deno.test("a file that may not be read passes on", () =>
  withMount(SITE, { protocols: [program] }, async (served, folder) => {
    if (Deno.uid() === 0) return;
    await Deno.chmod(`${folder}/app.js`, 0o000);
    assertEquals(textOfPage((await ask(served, get("/app.js"))).body), "program GET /app.js");
  }));

Deno.test("a GET with a body is answered from a mount, and the program hears nothing of it", async () => {
  const recorder = record("files", (...[wsi, reason]) => {
    if (reason !== "http") return;
    return reply(wsi, 200, "program");
  });
  await withMount(SITE, { protocols: [recorder.protocol] }, async (served) => {
    const peer = await served.dial(get("/app.js", "Content-Length: 5") + "hello");
    assertEquals((await readResponse(peer)).body, "1");
    await settle();
    assert(!recorder.reasons.includes("http"));
    assert(!recorder.reasons.includes("httpBody"));
  });
});

Deno.test("a GET with a body that passes on brings its body to the program", async () => {
  const bodies: string[] = [];
  const protocol = named("x", {
    httpBody: (_wsi, _user, piece) => void bodies.push(new TextDecoder().decode(piece)),
    httpBodyCompletion: (wsi) => reply(wsi, 200, bodies.join("")),
    http() {},
  });
  await withMount(SITE, { protocols: [protocol] }, async (served) => {
    const peer = await served.dial(get("/none", "Content-Length: 5") + "he");
    await settle();
    peer.send("llo" + get("/app.js"));
    assertEquals(textOfPage((await readResponse(peer)).body), "hello");
    assertEquals((await readResponse(peer)).body, "1");
  });
});

Deno.test("a peer that goes while a mount is asked costs nothing but its connection", () =>
  withMount(SITE, {}, async (served) => {
    for (let i = 0; i < 20; i++) {
      (await served.dial(get("/app.js"))).close();
    }
    await settle();
    assertEquals((await ask(served, get("/app.js"))).body, "1");
  }));

Deno.test("a context that is destroyed while a mount is asked still answers", async () => {
  const protocol = named("x", {
    filterHttpConnection: (wsi) => queueMicrotask(() => void wsi.context.destroy()),
  });
  await withMount(SITE, { protocols: [protocol] }, async (served) => {
    const { head, body } = await ask(served, get("/app.js"));
    assertEquals([body, fieldOf(head, "connection")], ["1", "close"]);
    await served.context.closed;
  });
});

Deno.test("the log names the file and the mount", () =>
  withMount(SITE, { path: "/s" }, async (served, folder) => {
    using log = captureLog(["debug", "info"]);
    await ask(served, get("/s/app.js"));
    await ask(served, get("/s/none"));
    assert(log.lines.some((line) => line.includes(`mount /s: /s/app.js: ${folder}/app.js`)));
    assert(log.lines.some((line) => line.includes(`${folder}/none`)));
  }));
