/**
 * What becomes of a handshake with `openssl`, by whichever stack ours is: one table for each role. Where a stack can't
 * do a thing, or says it otherwise, the name of the test says so.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type ContextCreationInfo, createContext, type LwsErrorCode } from "../../../mod.ts";
import { LwsError } from "../../../src/base/errors.ts";
import type { TlsTuning } from "../../../src/tls/stack.ts";
import { makeCertificates, type TestIdentity } from "../../support/certificates.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { LOOPBACK } from "../../support/patience.ts";
import {
  overStacks,
  type TestedClients,
  type TestedStack,
  TLS_CLIENTS,
} from "../../support/tls/stacks.ts";
import { Recorder } from "../../support/transport_contract.ts";
import { OPENSSL } from "../peer.ts";
import { withFiles } from "../pem_files.ts";
import { askBy, type ClientRun, type RunningServer, serveBy } from "./openssl.ts";

const made = await makeCertificates();
const { ca, foreignCa, localhost } = made;
const foreign = await foreignCa.issue({ name: "foreign", hosts: ["localhost"] });
const forClients = await ca.issue({ name: "client", hosts: ["localhost"], purpose: "client" });

type Info = Partial<ContextCreationInfo>;

/** `openssl` has no such versions by default. */
const OLD = ["-cipher", "DEFAULT@SECLEVEL=0"];
const GCM_128 = "ECDHE-ECDSA-AES128-GCM-SHA256";
const GCM_256 = "ECDHE-ECDSA-AES256-GCM-SHA384";

// Our servers.

/** Says whether the client's certificate is a good one. */
function serve(stack: TestedStack, info: Info) {
  return createContext({
    ...LOOPBACK,
    ...stack.sockets,
    sslCertFilepath: localhost.cert,
    sslPrivateKeyFilepath: localhost.key,
    protocols: [{
      name: "http",
      callback(wsi, reason, _user, _data) {
        if (reason === "http") return wsi.respond(200, `served ${wsi.tls!.authorized}`);
      },
    }],
    ...info,
  });
}

/** What `s_client` got. */
function outcomeOf(printed: string): "served" | "served as a friend" | "refused" {
  const found = /served (true|false)/.exec(printed);
  return found === null ? "refused" : found[1] === "true" ? "served as a friend" : "served";
}

const ASKS: Info = { sslCaFilepath: ca.cert, options: { requireValidClientCert: true } };
const LENIENT: Info = {
  sslCaFilepath: ca.cert,
  options: { requireValidClientCert: true, peerCertNotRequired: true },
};
const by = (...args: string[]): ClientRun => ({ args });
const as = (identity: TestIdentity): ClientRun => ({ identity });

type ServerCase = readonly [run: ClientRun, outcome: ReturnType<typeof outcomeOf>, info?: Info];

const OF_EACH: Readonly<Record<string, ServerCase>> = {
  "TLS 1.3": [by("-tls1_3"), "served"],
  "TLS 1.2": [by("-tls1_2"), "served"],
  "TLS 1.1": [by("-tls1_1", ...OLD), "refused"],
  "TLS 1.0": [by("-tls1", ...OLD), "refused"],
  "a cipher among others": [by("-tls1_2", "-cipher", `AES128-SHA:${GCM_256}`), "served"],
  "ciphers without forward secrecy": [by("-tls1_2", "-cipher", "kRSA"), "refused"],
  "ciphers without authentication": [by("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"), "refused"],
  "a cipher of TLS 1.3 that is none of ours": [
    by("-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_8_SHA256"),
    "refused",
  ],
  "http/1.1 among other protocols": [by("-alpn", "h2,http/1.1"), "served"],
  "none of our protocols": [by("-alpn", "h2"), "refused"],
  "a good certificate, required": [as(made.client), "served as a friend", ASKS],
  "no certificate, required": [{}, "refused", ASKS],
  "a foreign certificate, required": [as(made.foreignClient), "refused", ASKS],
  "an expired certificate, required": [as(made.expiredClient), "refused", ASKS],
  "a self-signed certificate, required": [as(made.selfSignedForClients), "refused", ASKS],
  "a server's certificate, required": [as(localhost), "refused", ASKS],
  "no certificate, wanted": [{}, "served", LENIENT],
  "a good certificate, wanted": [as(made.client), "served as a friend", LENIENT],
  "a foreign certificate, wanted": [as(made.foreignClient), "served", LENIENT],
};

/** Which only OpenSSL can be told. */
const TUNED: Readonly<Record<string, ServerCase>> = {
  "the cipher of the list": [by("-tls1_2", "-cipher", GCM_128), "served", {
    sslCipherList: GCM_128,
  }],
  "another cipher": [by("-tls1_2", "-cipher", GCM_256), "refused", { sslCipherList: GCM_128 }],
  "the cipher of TLS 1.3": [by("-ciphersuites", "TLS_AES_128_GCM_SHA256"), "served", {
    sslTls13Ciphers: "TLS_AES_128_GCM_SHA256",
  }],
  "another cipher of TLS 1.3": [
    by("-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384"),
    "refused",
    { sslTls13Ciphers: "TLS_AES_128_GCM_SHA256" },
  ],
  "an older version than the least": [by("-tls1_2"), "refused", { sslMinVersion: "TLSv1.3" }],
  "a newer version than the most": [by("-tls1_3"), "refused", { sslMaxVersion: "TLSv1.2" }],
  "the group": [by("-groups", "P-384"), "served", { sslGroups: "P-384" }],
  "another group": [by("-groups", "X25519"), "refused", { sslGroups: "P-384" }],
};

async function checkServer(stack: TestedStack, cases: Readonly<Record<string, ServerCase>>) {
  for (const [what, [run, outcome, info = {}]] of Object.entries(cases)) {
    await using context = serve(stack, info);
    const printed = await askBy(context.port, run);
    assertEquals(outcomeOf(printed), outcome, `${what}: ${printed}`);
    // Who shows the wrong certificate is cut off without a word: the handshake is over then.
    if (outcome === "refused" && info !== ASKS) assertStringIncludes(printed, "alert", what);
  }
}

overStacks("a server's verdicts on openssl", (stack) => checkServer(stack, OF_EACH), OPENSSL.test);

overStacks(
  "a server's ciphers, versions and groups count (node:tls: can't be told any)",
  async (stack) => {
    if (stack.tunes) return await checkServer(stack, TUNED);
    for (const [what, [, , info]] of Object.entries(TUNED)) {
      let code: string | undefined;
      try {
        await serve(stack, info!).destroy();
      } catch (error) {
        code = (error as LwsError).code;
      }
      assertEquals(code, "invalid-option", what);
    }
  },
  OPENSSL.test,
);

overStacks("a server doesn't renegotiate", async (stack) => {
  await using context = serve(stack, {});
  const printed = await askBy(context.port, { ...by("-tls1_2"), lines: "R\n" });
  assertStringIncludes(printed, "no renegotiation");
}, OPENSSL.test);

const RESUMPTIONS: readonly (readonly [what: string, info: Info, identity?: TestIdentity])[] = [
  ["of anybody", {}],
  ["with a certificate that is required", ASKS, made.client],
  ["with a certificate that is wanted", LENIENT, made.client],
];
const WAYS = [["-tls1_3"], ["-tls1_2"], ["-tls1_2", "-no_ticket"]] as const;

for (const [what, info, identity] of RESUMPTIONS) {
  overStacks(
    `openssl comes back with a session ${what} (OpenSSL: resumed in its own context, where no ` +
      "certificate is asked for; node:tls: in any, and judged again)",
    async (stack) => {
      await using own = serve(stack, info);
      await using other = serve(stack, { ...info, sslCaFilepath: foreignCa.cert });
      await using folder = await temporaryFolder();
      const asks = identity !== undefined;
      for (const args of WAYS) {
        const session = `${folder.path}/${args.join("")}`;
        const ask = async (context: { readonly port: number }, ...more: string[]) => {
          const run = { args: [...args, ...more], ...asks && { identity } };
          const printed = await askBy(context.port, run);
          return [outcomeOf(printed), /^Reused/m.test(printed)];
        };
        const good = asks ? "served as a friend" : "served";
        assertEquals(await ask(own, "-sess_out", session), [good, false]);
        const hasTicket = !args.includes("-no_ticket" as never);
        const resumes = hasTicket && (stack.name === "node:tls" || !asks);
        // Without a ticket or an id there is nothing to come back with.
        if (!resumes && stack.name === "OpenSSL") {
          assertEquals(await Deno.stat(session).then(() => true, () => false), false);
          continue;
        }
        assertEquals(await ask(own, "-sess_in", session), [good, resumes]);
        // The certificate is judged by those whom this context trusts, resumed or not.
        const there = !asks ? "served" : info === ASKS ? "refused" : "served";
        const resumesThere = resumes && stack.name === "node:tls";
        assertEquals(await ask(other, "-sess_in", session), [there, resumesThere]);
      }
    },
    OPENSSL.test,
  );
}

overStacks(
  "no session outlives a certificate that is changed (node:tls: it does)",
  async (stack) => {
    await using context = serve(stack, {});
    await using folder = await temporaryFolder();
    const session = `${folder.path}/session`;
    await askBy(context.port, by("-sess_out", session));
    context.setCertificate(made.renewed);
    const printed = await askBy(context.port, by("-sess_in", session));
    assertEquals([outcomeOf(printed), /^Reused/m.test(printed)], [
      "served",
      stack.name === "node:tls",
    ]);
  },
  OPENSSL.test,
);

// Our clients.

const TRUST = { ca: [ca.cert], disableOsCaCerts: true };
const SHOWN = ["-cert", "cert", "-key", "key"];
const WANTS = ["-Verify", "1", "-verify_return_error", "-CAfile", "ca"];

/** The code of a failure, or what became of a request. */
type Verdict = LwsErrorCode | "answered" | "cut";

interface Ours {
  readonly identity?: TestIdentity;
  readonly tuning?: TlsTuning;
}

/** A client that is through with its handshake. */
async function connected(clients: TestedClients, port: number, ours: Ours = {}): Promise<Recorder> {
  const { identity, tuning = {} } = ours;
  const { signal } = new AbortController();
  const inner = await clients.network.connect({ hostname: "127.0.0.1", port }, signal);
  const client = clients.client({ ...TRUST, identity }, tuning);
  try {
    return new Recorder(await client.secure(inner, { serverName: "localhost" }).done);
  } finally {
    client.close?.();
  }
}

async function left(peer: Recorder): Promise<void> {
  peer.transport.close();
  await peer.until(() => peer.count("close") === 1);
}

/** What it comes to, and what the server tells of the session. */
async function ask(
  clients: TestedClients,
  port: number,
  ours?: Ours,
): Promise<{ verdict: Verdict; text: string }> {
  let peer: Recorder;
  try {
    peer = await connected(clients, port, ours);
  } catch (error) {
    return { verdict: (error as LwsError).code, text: String(error) };
  }
  peer.send(new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n"));
  await peer.until(() => peer.count("end") + peer.count("close") > 0);
  const { text } = peer;
  await left(peer);
  return { verdict: text.startsWith("HTTP/1.0 200") ? "answered" : "cut", text };
}

type ClientCase = readonly [
  theirs: readonly string[],
  identity: TestIdentity,
  verdict: Verdict,
  ours?: Ours,
];

const OF_EACH_CLIENT: Readonly<Record<string, ClientCase>> = {
  "TLS 1.3": [[...SHOWN, "-tls1_3"], localhost, "answered"],
  "TLS 1.2": [[...SHOWN, "-tls1_2"], localhost, "answered"],
  "TLS 1.1": [[...SHOWN, "-tls1_1", ...OLD], localhost, "tls-handshake-failed"],
  "TLS 1.0": [[...SHOWN, "-tls1", ...OLD], localhost, "tls-handshake-failed"],
  "one cipher": [[...SHOWN, "-tls1_2", "-cipher", GCM_128], localhost, "answered"],
  "a cipher without authentication": [
    [...SHOWN, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"],
    localhost,
    "tls-handshake-failed",
  ],
  "another name": [SHOWN, made.example, "certificate-name-mismatch"],
  "an expired certificate": [SHOWN, made.expired, "certificate-expired"],
  "one of tomorrow": [SHOWN, made.notYetValid, "certificate-not-yet-valid"],
  "a self-signed one": [SHOWN, made.selfSigned, "certificate-self-signed"],
  "a foreign one": [SHOWN, foreign, "certificate-unknown-issuer"],
  "a client's": [SHOWN, forClients, "certificate-wrong-purpose"],
  "none": [["-nocert"], localhost, "tls-handshake-failed"],
  "a request for a certificate": [
    [...SHOWN, ...WANTS, "-tls1_2"],
    localhost,
    "tls-handshake-failed",
  ],
  // In TLS 1.3 a client is through before the server has seen its certificate, or none.
  "one behind the handshake": [[...SHOWN, ...WANTS, "-tls1_3"], localhost, "cut"],
};

/** Which only stacks that show a certificate of their own know. */
const WITH_IDENTITY: Readonly<Record<string, ClientCase>> = {
  "who asks for a certificate": [[...SHOWN, ...WANTS], localhost, "answered", {
    identity: made.client,
  }],
  "who knows another authority": [
    [...SHOWN, ...WANTS, "-tls1_2"],
    localhost,
    "tls-handshake-failed",
    {
      identity: made.foreignClient,
    },
  ],
};

const TUNED_CLIENT: Readonly<Record<string, ClientCase>> = {
  "the cipher of the list": [[...SHOWN, "-tls1_2"], localhost, "answered", {
    tuning: { sslCipherList: GCM_128 },
  }],
  "another cipher": [
    [...SHOWN, "-tls1_2", "-cipher", GCM_256],
    localhost,
    "tls-handshake-failed",
    { tuning: { sslCipherList: GCM_128 } },
  ],
  "another version": [[...SHOWN, "-tls1_2"], localhost, "tls-handshake-failed", {
    tuning: { sslMinVersion: "TLSv1.3" },
  }],
  "another group": [[...SHOWN, "-groups", "P-256"], localhost, "tls-handshake-failed", {
    tuning: { sslGroups: "P-384" },
  }],
};

/** Runs a server of openssl for a while. */
function withServer(
  identity: TestIdentity,
  args: readonly string[],
  use: (server: RunningServer) => Promise<void>,
): Promise<void> {
  return withFiles({ cert: identity.cert, key: identity.key, ca: ca.cert }, async (paths) => {
    await using server = await serveBy(paths, args);
    await use(server);
    // A thread may wait for a client's socket a moment longer than that lives.
    for (const { network } of TLS_CLIENTS) await network.released?.();
  });
}

function testClients(
  name: string,
  cases: Readonly<Record<string, ClientCase>>,
  clients: readonly TestedClients[],
): void {
  OPENSSL.test(name, async () => {
    for (const [what, [theirs, identity, verdict, ours]] of Object.entries(cases)) {
      await withServer(identity, ["-www", ...theirs], async ({ port }) => {
        for (const each of clients) {
          // Its verifier tells the two from each other in no way.
          const isTold = each !== RUNTIME || verdict !== "certificate-self-signed";
          const expected = isTold ? verdict : "certificate-unknown-issuer";
          const found = await ask(each, port, ours);
          assertEquals(found.verdict, expected, `${each.name}, ${what}: ${found.text}`);
        }
      });
    }
  });
}

const RUNTIME = TLS_CLIENTS.at(-1)!;
const nameOf = (clients: readonly TestedClients[]) => clients.map(({ name }) => name).join(", ");
const able = TLS_CLIENTS.filter((each) => each !== RUNTIME);
const tuned = TLS_CLIENTS.filter((each) => each.tunes);

testClients(
  `a client's verdicts on openssl, by ${nameOf(TLS_CLIENTS)} ` +
    "(the last one takes self-signing for an unknown issuer)",
  OF_EACH_CLIENT,
  TLS_CLIENTS,
);
testClients(`a client's own certificate, by ${nameOf(able)} alone`, WITH_IDENTITY, able);
testClients(
  `a client's ciphers, versions and groups, by ${nameOf(tuned)} alone`,
  TUNED_CLIENT,
  tuned,
);

for (const clients of TLS_CLIENTS) {
  OPENSSL.test(`${clients.name}: a client doesn't renegotiate, and the connection ends`, async () => {
    await withServer(localhost, ["-tls1_2", ...SHOWN], async (server) => {
      const peer = await connected(clients, server.port);
      await peer.write("hello\n");
      assertEquals((await server.printed("hello")).match(/^CIPHER is/gm)?.length, 1);
      await server.type("r");
      await peer.until(() => peer.count("close") + peer.count("end") > 0);
      assertEquals((await server.printed("ERROR")).match(/^CIPHER is/gm)?.length, 1);
      if (peer.count("close") === 0) await left(peer);
    });
  });

  OPENSSL.test(`${clients.name}: a client resumes no session`, async () => {
    for (const version of ["-tls1_3", "-tls1_2"]) {
      await withServer(localhost, ["-www", version, ...SHOWN], async ({ port }) => {
        for (let i = 0; i < 2; i++) {
          const { text } = await ask(clients, port);
          assert(/^New, TLS/m.test(text) && !/^Reused, TLS/m.test(text), text);
        }
      });
    }
  });
}
