/** `examples/rest.ts`, used as its readers would. */

import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { makeSelfSigned } from "../support/certificates.ts";
import { temporaryFolder } from "../support/folder.ts";
import { runProgram } from "../support/program.ts";

const EXAMPLE = fromFileUrl(new URL("../../examples/rest.ts", import.meta.url));

for (const hasTls of [true, false]) {
  Deno.test(`rest.ts serves JSON, uploads, files and news on one port, ${hasTls ? "over TLS" : "plain"}`, async () => {
    await using folder = await temporaryFolder();
    const identity = await makeSelfSigned({ name: "localhost", hosts: ["localhost", "127.0.0.1"] });
    await Deno.mkdir(`${folder.path}/files`);
    await Deno.writeTextFile(`${folder.path}/cert.pem`, identity.cert);
    await Deno.writeTextFile(`${folder.path}/key.pem`, identity.key);
    const tls = ["--cert", `${folder.path}/cert.pem`, "--key", `${folder.path}/key.pem`];
    const args = ["--port", "0", "--folder", `${folder.path}/files`, ...hasTls ? tls : []];
    const program = runProgram(["-A"], EXAMPLE, args);
    using client = Deno.createHttpClient({ caCerts: [identity.cert] });
    try {
      const [, origin] = /serving (https?:\S+)\//.exec(await program.until("\n"))!;
      assertEquals(origin!.startsWith(hasTls ? "https:" : "http:"), true);
      const ask = async (path: string, init: RequestInit = {}) => {
        const response = await fetch(new URL(path, origin), { ...init, client });
        return [response.status, await response.text(), response.url] as const;
      };

      const socket = new WebSocket(`${origin!.replace("http", "ws")}/`, { client } as never);
      const news = Promise.withResolvers<unknown>();
      socket.onmessage = ({ data }) => news.resolve(data);
      socket.onerror = () => news.reject(new Error("no WebSocket"));
      await new Promise((resolve) => socket.onopen = resolve);
      const post = (body: string) => ask("/notes", { method: "POST", body });
      assertEquals((await post('{"text":"hello"}')).slice(0, 2), [201, '{"id":0}']);
      assertEquals(await news.promise, '{"text":"hello","by":"127.0.0.1"}');
      assertEquals((await post('{"text":5}')).slice(0, 2), [400, '{"error":"text is missing"}']);
      assertEquals((await ask("/notes"))[1], '[{"text":"hello","by":"127.0.0.1"}]');
      const closed = new Promise((resolve) => socket.onclose = resolve);
      socket.close();
      await closed;

      const upload = new Uint8Array(5 * 1024 * 1024).fill(97);
      assertEquals((await ask("/files/a.txt", { method: "PUT", body: upload }))[0], 201);
      assertEquals((await ask("/files/a.txt"))[1].length, upload.length);
      assertEquals((await ask("/files/.a", { method: "PUT", body: "x" }))[0], 404);
      assertEquals([...Deno.readDirSync(`${folder.path}/files`)].map(({ name }) => name), [
        "a.txt",
      ]);
      assertEquals((await ask("/nothing"))[0], 404);

      const plain = origin!.replace("https:", "http:");
      const [status, text, url] = await ask(`${plain}/notes?x=%41`);
      assertEquals([status, text, url], [
        200,
        '[{"text":"hello","by":"127.0.0.1"}]',
        `${origin}/notes?x=%41`,
      ]);
    } finally {
      program.process.kill("SIGTERM");
      assertEquals((await program.end()).code, 0);
    }
  });
}
