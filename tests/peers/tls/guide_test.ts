/** The guide to TLS, as its reader follows it. */

import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { temporaryFolder } from "../../support/folder.ts";
import { freePort } from "../../support/free_port.ts";
import { OPENSSL, output, start, untilListening } from "../peer.ts";

const ROOT = fromFileUrl(new URL("../../../", import.meta.url));
const PAGE = Deno.readTextFileSync(`${ROOT}docs/guide/tls.md`);

/** The blocks of a kind, in order. */
function blocks(kind: string): string[] {
  return PAGE.split(`\`\`\`${kind}\n`).slice(1).map((part) => part.slice(0, part.indexOf("```")));
}

OPENSSL.test("the certificate, the server and the client of docs/guide/tls.md go together", async () => {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  const port = freePort();
  const [makes] = blocks("sh");
  await output("/bin/sh", ["-c", `cd ${folder} && ${makes}`]);
  const [server, client] = await Promise.all(
    blocks("ts ignore").map(async (code, i) => {
      const path = `${folder}/${i}.ts`;
      await Deno.writeTextFile(
        path,
        code.replaceAll(/"((?:cert|key)\.pem)"/g, `"${folder}/$1"`).replaceAll("8443", `${port}`),
      );
      return path;
    }),
  );
  const run = ["run", "--quiet", "--no-prompt", "--config", `${ROOT}deno.json`];
  const rights = ["--allow-net", "--allow-read"];
  await using running = start(Deno.execPath(), [...run, ...rights, server!]);
  await untilListening(port, running);
  assertEquals(await output(Deno.execPath(), [...run, ...rights, client!]), "hello\n");
});
