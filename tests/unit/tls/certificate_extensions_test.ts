/** What the extensions of a certificate say. */

import type { X509Certificate } from "node:crypto";
import { assertEquals } from "@std/assert";
import {
  extensionsOf,
  isMeantFor,
  subjectAltNameOf,
} from "../../../src/tls/certificate_extensions.ts";
import { parseCertificates } from "../../../src/tls/certificate.ts";
import { makeCertificates } from "../../support/certificates.ts";

const SERVER = "06082b06010505070301";
const CLIENT = "06082b06010505070302";
const CODE = "06082b06010505070303";
const ANY = "0604551d2500";
const NULL = "0500";

/** A value: its tag, its length, and what is in it. */
function der(tag: string, ...contents: string[]): string {
  const content = contents.join("");
  const length = content.length / 2;
  const long = length < 256 ? "81" : "82";
  const digits = length.toString(16);
  const bytes = digits.padStart(digits.length + digits.length % 2, "0");
  return tag + (length < 128 ? bytes : long + bytes) + content;
}

/** All fields in front of the extensions, and those; what is signed is not looked at. */
function certificateOf(...extensions: string[]): X509Certificate {
  const fields = ["a003020102", "020101", "3000", "3000", "3000", "3000", "3000"];
  const rest = extensions.length > 0 ? [der("a3", ...extensions)] : [];
  const raw = der("30", der("30", ...fields, ...rest), "3000", "030100");
  return { raw: Uint8Array.fromHex(raw) } as unknown as X509Certificate;
}

function usage(...purposes: string[]): string {
  return der("30", "0603551d25", der("04", der("30", ...purposes)));
}

function sides(certificate: X509Certificate): string {
  return (["server", "client"] as const).filter((side) => isMeantFor(certificate, side)).join(" ");
}

for (
  const [what, expected, ...extensions] of [
    ["without extensions", "server client"],
    [
      "without that extension",
      "server client",
      der("30", der("30", "0603551d11", der("04", NULL))),
    ],
    ["for servers", "server", der("30", usage(SERVER))],
    ["for clients", "client", der("30", usage(CLIENT))],
    ["for both", "server client", der("30", usage(CODE, CLIENT, SERVER))],
    ["for all", "server client", der("30", usage(ANY))],
    ["for neither", "", der("30", usage(CODE))],
    ["for a list of purposes that is long", "client", der("30", usage(CODE.repeat(40), CLIENT))],
    [
      "for clients, critically",
      "client",
      der("30", der("30", "0603551d25", "0101ff", der("04", der("30", CLIENT)))),
    ],
    ["whose purpose only contains that of servers", "", der("30", usage(der("04", SERVER)))],
    ["whose purposes are no list", "", der("30", der("30", "0603551d25", der("04", SERVER)))],
    ["whose purposes come twice", "", der("30", usage(SERVER), usage(CLIENT))],
    ["whose extension has no value", "", der("30", der("30", "0603551d25"))],
    ["whose extensions are no list", "", NULL],
    ["whose extensions are two lists", "", der("30", usage(SERVER)), der("30", usage(CLIENT))],
    ["one of whose extensions is none", "", der("30", usage(SERVER), NULL)],
  ] as const
) {
  Deno.test(`a certificate ${what} is meant for: ${expected || "nobody"}`, () => {
    assertEquals(sides(certificateOf(...extensions)), expected);
  });
}

Deno.test("what is no certificate has no extensions, and is meant for nobody", () => {
  for (const hex of ["", NULL, "3000", "30020500", "3004300230", `${der("30", der("30"))}00`]) {
    const raw = Uint8Array.fromHex(hex);
    assertEquals(extensionsOf(raw), undefined, hex);
    assertEquals(sides({ raw } as unknown as X509Certificate), "", hex);
  }
});

Deno.test("real certificates have their extensions", async () => {
  const { localhost, client, ca } = await makeCertificates();
  const read = ({ cert }: { cert: string }) => parseCertificates(cert, "sslCertFilepath")[0]!;
  assertEquals([localhost, client, ca].map(read).map(sides), ["server", "client", "server client"]);
  const names = new TextDecoder("latin1").decode(subjectAltNameOf(read(localhost)));
  assertEquals(names.includes("localhost"), true);
  assertEquals(subjectAltNameOf(read(client)), undefined);
});
