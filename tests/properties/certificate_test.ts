/** Bytes that come as a certificate, and are none. */

import { assertEquals } from "@std/assert";
import { extensionsOf } from "../../src/tls/certificate_extensions.ts";
import { parseCertificates } from "../../src/tls/certificate.ts";
import { makeSelfSigned } from "../support/certificates.ts";
import { bytes, check, checkAsync, fc } from "./support.ts";

async function derOf(name: string): Promise<Uint8Array> {
  const { cert } = await makeSelfSigned({ name, hosts: ["localhost"] });
  return new Uint8Array(parseCertificates(cert, "sslCertFilepath")[0]!.raw);
}

const real = await derOf("real");
const place = fc.nat(real.length - 1);

Deno.test("bytes are taken for a certificate, or for none, and nothing throws", () => {
  check(fc.property(bytes(200), (given) => void extensionsOf(given)), { seed: 1, numRuns: 2000 });
});

Deno.test("a certificate that is cut, or has more behind it, is none", () => {
  check(
    fc.property(place, fc.uint8Array({ minLength: 1, maxLength: 9 }), (end, rest) => {
      assertEquals(extensionsOf(real.subarray(0, end)), undefined);
      assertEquals(extensionsOf(Uint8Array.of(...real, ...rest)), undefined);
    }),
    { seed: 2, numRuns: 500 },
  );
});

Deno.test("a certificate with other bytes in it has extensions within it, or is none", () => {
  check(
    fc.property(
      fc.array(fc.tuple(place, fc.nat(255)), { minLength: 1, maxLength: 8 }),
      (changes) => {
        const changed = real.slice();
        for (const [at, byte] of changes) changed[at] = byte;
        for (const content of extensionsOf(changed)?.values() ?? []) {
          assertEquals(content.buffer, changed.buffer);
        }
      },
    ),
    { seed: 3, numRuns: 3000 },
  );
});

Deno.test("no subject changes what the extensions are", async () => {
  const expected = [...extensionsOf(real)!.keys()];
  const piece = fc.constantFrom(
    "\x06\x03\x55\x1d\x25",
    "\x06\x03\x55\x1d\x11",
    "\x04\x02\x30\x00",
    "a, DNS:b",
  );
  await checkAsync(
    fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 6 }), async (pieces) => {
      assertEquals([...extensionsOf(await derOf(pieces.join("")))!.keys()], expected);
    }),
    { seed: 4, numRuns: 30 },
  );
});
