/** No generation logs a secret that it is given in a wrong place. */

import { assert, assertEquals } from "@std/assert";
import { FACES, logged, rig } from "../support.ts";

const SECRET = "hunter2";
const PEM = `-----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY-----\n`;

FACES.test("wrong arguments of a client and of a creation are logged without what is in them", async (face) => {
  await using it = rig(face, { protocols: [{ name: "x", callback: () => 0 }] });
  const good = ["a", 80, 0, "/", "a", "a", "x", -1];
  const wrong: [place: number, value: unknown][] = [
    [0, `u:${SECRET}@a`],
    [2, PEM],
    [3, `x?token=${SECRET}`],
    [3, `/ ?token=${SECRET}`],
    [3, `/#?${SECRET}`],
    [4, `u:${SECRET}@a/?${SECRET}`],
    [5, `https://${SECRET}\n`],
    [6, `x, ${SECRET}/`],
    [6, `${SECRET}, ${SECRET}`],
    [7, PEM],
  ];
  const lines: string[] = [];
  for (const [place, value] of wrong) {
    const args = good.map((each, i) => i === place ? value : each);
    const call = logged(() => face.call("client_connect", it.context, ...args));
    lines.push(...call.lines);
    await it.settle();
  }
  for (const member of ["ssl_cert_filepath", "ssl_private_key_filepath", "iface"]) {
    for (const value of [PEM, PEM.slice(30)]) {
      const spec = { protocols: [{ name: "x", callback: () => 0 }], [member]: value };
      lines.push(...logged(() => face.create(spec)?.destroy()).lines);
    }
  }
  assert(lines.filter((line) => line.startsWith("err: ")).length > 8, lines.join("\n"));
  assertEquals(lines.filter((line) => line.includes(SECRET)), []);
});

FACES.test("what a callback is served from a request is not in the log", async (face) => {
  let lines: string[] = [];
  await using it = rig(face, {
    protocols: [{
      name: "x",
      callback(wsi, reason) {
        if (reason !== "HTTP") return 0;
        lines = logged(() => {
          face.call("serve_http_file", ...fileOf(face.name, it.context, wsi));
        }).lines;
        return 1;
      },
    }],
  });
  const peer = await it.dial(`GET /?${SECRET} HTTP/1.1\r\nHost: a\r\nCookie: ${SECRET}\r\n\r\n`);
  await it.until(() => lines.length > 0);
  peer.close();
  assertEquals(lines.filter((line) => line.includes(SECRET)), []);
});

/** A file that is not there, with a header line that is none. */
function fileOf(name: string, context: unknown, wsi: unknown): unknown[] {
  const rest = ["/nowhere/a", `text/plain\n${SECRET}`];
  return name === "oct12" || name === "mar13" ? [context, wsi, ...rest] : [wsi, ...rest, null, 0];
}
