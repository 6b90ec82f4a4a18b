/** What C programs read of headers and of the arguments of a URI, and until when. */

import { assertEquals } from "@std/assert";
import { type Callback, DEC15, on, rig, withCall } from "./support.ts";

Deno.test("contract 8: dec15: the arguments of a URI are percent-decoded, and + stays", async () => {
  const { api } = DEC15;
  const seen: unknown[] = [];
  const callback = on("HTTP", (wsi) => {
    const token = api.WSI_TOKEN_HTTP_URI_ARGS;
    for (const n of [0, 1]) {
      const dest = { value: "" };
      seen.push([DEC15.call("hdr_copy_fragment", wsi, dest, 100, token, n), dest.value]);
    }
    const whole = { value: "" };
    seen.push([DEC15.call("hdr_copy", wsi, whole, 100, token), whole.value]);
    seen.push(DEC15.call("hdr_total_length", wsi, token));
  });
  await using server = rig(DEC15, { protocols: [{ name: "http", callback }] });
  await server.dial("GET /?a=b%20c+d&e=%26 HTTP/1.1\r\nHost: h\r\n\r\n");
  await server.until(() => seen.length === 4);
  assertEquals(seen, [[7, "a=b c+d"], [3, "e=&"], [10, "a=b c+de=&"], 10]);
});

for (const face of withCall("hdr_copy")) {
  Deno.test(`contract 8: ${face.name}: headers can be read until ESTABLISHED has returned`, async () => {
    const { api } = face;
    const seen: unknown[] = [];
    const callback: Callback = (wsi, reason) => {
      if (!["FILTER_PROTOCOL_CONNECTION", "ESTABLISHED", "RECEIVE"].includes(reason)) return 0;
      for (const token of ["WSI_TOKEN_HOST", "WSI_TOKEN_HTTP", "WSI_TOKEN_HTTP_URI_ARGS"]) {
        const dest = { value: "" };
        if (api[token] === undefined) continue;
        seen.push([face.call("hdr_copy", wsi, dest, 100, api[token]), dest.value]);
      }
    };
    await using server = rig(face, { protocols: [{ name: "talk", callback }] });
    const socket = await server.open({ path: "/?a=%31", protocol: "talk" });
    socket.send({ opcode: 1, payload: "later" });
    await server.settle();
    const there = [[9, "localhost"], [8, "HTTP/1.1"], [3, "a=1"]];
    const gone = there.map(() => [-1, ""]);
    const count = api.WSI_TOKEN_HTTP_URI_ARGS === undefined ? 2 : 3;
    assertEquals(seen, [there, there, gone].flatMap((each) => each.slice(0, count)));
  });
}
