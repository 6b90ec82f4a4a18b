/** `examples/echo.ts` with the system's OpenSSL, and `openssl s_client`. */

import { assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { makeCertificates } from "../../support/certificates.ts";
import { OPENSSL, start } from "../peer.ts";
import { withFiles } from "../pem_files.ts";
import { askBy } from "../tls/openssl.ts";

const { localhost } = await makeCertificates();
const CIPHER = "ECDHE-ECDSA-AES256-GCM-SHA384";

OPENSSL.test("echo.ts with --ciphers agrees on these, and another cipher gets the alert", async () => {
  await withFiles({ cert: localhost.cert, key: localhost.key }, async (paths) => {
    await using echo = start(Deno.execPath(), [
      ...["run", "--quiet", "--no-prompt", "--allow-net", "--allow-read", "--allow-ffi"],
      fromFileUrl(new URL("../../../examples/echo.ts", import.meta.url)),
      ...["--port", "0", "--cert", paths.cert, "--key", paths.key],
      ...["--network", "epoll", "--tls", "openssl", "--ciphers", CIPHER],
    ]);
    const port = Number((await echo.nextLine()).split(":").at(-1));
    const askWith = (cipher: string) => askBy(port, { args: ["-tls1_2", "-cipher", cipher] });
    const agreed = await askWith(CIPHER);
    assertStringIncludes(agreed, `Cipher is ${CIPHER}`);
    assertStringIncludes(agreed, "This port speaks WebSocket.");
    assertStringIncludes(await askWith("ECDHE-ECDSA-AES128-GCM-SHA256"), "alert handshake failure");
  });
});
