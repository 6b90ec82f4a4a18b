/** Bytes that come as a certificate, and are none. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { extensionsOf } from "../../src/tls/certificate_extensions.ts";
import { parseCertificates } from "../../src/tls/certificate.ts";
import { createContext, LwsError } from "../../mod.ts";
import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import { makeSelfSigned } from "../support/certificates.ts";
import { bytes, check, checkAsync, fc } from "./support.ts";

async function derOf(name: string): Promise<Uint8Array> {
  const { cert } = await makeSelfSigned({ name, hosts: ["localhost"] });
  return new Uint8Array(parseCertificates(cert, "sslCertFilepath")[0]!.raw);
}

const real = await derOf("real");
const place = fc.nat(real.length - 1);

Deno.test("bytes are taken for a certificate, or for none, and nothing throws", () => {
  check({ seed: 1, numRuns: 2000 }, bytes(200), (given) => void extensionsOf(given));
});

Deno.test("a certificate that is cut, or has more behind it, is none", () => {
  const given = fc.tuple(place, fc.uint8Array({ minLength: 1, maxLength: 9 }));
  check({ seed: 2, numRuns: 500 }, given, ([end, rest]) => {
    assertEquals(extensionsOf(real.subarray(0, end)), undefined);
    assertEquals(extensionsOf(Uint8Array.of(...real, ...rest)), undefined);
  });
});

Deno.test("a certificate with other bytes in it has extensions within it, or is none", () => {
  const given = fc.array(fc.tuple(place, fc.nat(255)), { minLength: 1, maxLength: 8 });
  check({ seed: 3, numRuns: 3000 }, given, (changes) => {
    const changed = real.slice();
    for (const [at, byte] of changes) changed[at] = byte;
    for (const content of extensionsOf(changed)?.values() ?? []) {
      assertEquals(content.buffer, changed.buffer);
    }
  });
});

Deno.test("no subject changes what the extensions are", async () => {
  const expected = [...extensionsOf(real)!.keys()];
  const piece = fc.constantFrom(
    "\x06\x03\x55\x1d\x25",
    "\x06\x03\x55\x1d\x11",
    "\x04\x02\x30\x00",
    "a, DNS:b",
  );
  const given = fc.array(piece, { minLength: 1, maxLength: 6 });
  await checkAsync({ seed: 4, numRuns: 30 }, given, async (pieces) => {
    assertEquals([...extensionsOf(await derOf(pieces.join("")))!.keys()], expected);
  });
});

Deno.test("a context takes a certificate with other bytes in it, or refuses it by an LwsError", async () => {
  const { cert, key } = await makeSelfSigned({ name: "own", hosts: ["localhost"] });
  await using context = createContext({
    port: 443,
    network: new MemoryNetwork(),
    sslCertFilepath: cert,
    sslPrivateKeyFilepath: key,
    protocols: [{ name: "p", callback() {} }],
  });
  check({ seed: 5, numRuns: 500 }, place, fc.nat(255), fc.constantFrom(0, 9), (at, byte, cut) => {
    const changed = real.slice(cut === 9 ? at % 9 : 0);
    changed[at % changed.length] = byte;
    const given = `-----BEGIN CERTIFICATE-----\n${changed.toBase64()}\n-----END CERTIFICATE-----\n`;
    for (const all of [[{ cert: given, key }], [{ cert, key }, { cert: given, key }]] as const) {
      try {
        context.setCertificate(all[0], all.slice(1));
      } catch (error) {
        assert(error instanceof LwsError, `byte ${at}: ${byte}: ${error}`);
        assertEquals(error.code, "invalid-argument");
      }
    }
  });
  // In the midst of a name, where UTF-8 has none.
  const text = real.findLastIndex((_, i) => real[i] === 0x72 && real[i + 1] === 0x65);
  const changed = real.with(text, 0xff);
  const given = `-----BEGIN CERTIFICATE-----\n${changed.toBase64()}\n-----END CERTIFICATE-----\n`;
  const error = assertThrows(() => context.setCertificate({ cert: given, key }), LwsError);
  assertEquals(error.code, "invalid-argument");
});
