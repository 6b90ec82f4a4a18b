/** Extensions as C structs. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { DEC15, type Face, MAR13, OCT12, rig } from "./support.ts";

const internal = (face: Face) =>
  face === OCT12 ? face.api.libwebsocket_internal_extensions : face.call("get_internal_extensions");

for (const face of [OCT12, MAR13, DEC15]) {
  const name = face === OCT12 ? "deflate-stream" : "deflate-frame";

  Deno.test(`${face.name}: the extensions that were built in are negotiated`, async () => {
    for (let i = 0; i < 2; i++) {
      await using server = rig(face, {
        extensions: internal(face),
        protocols: [{ name: "talk", callback: () => 0 }],
      });
      const headers = [`Sec-WebSocket-Extensions: ${name}`];
      const { answer } = await server.open({ protocol: "talk", headers });
      assertStringIncludes(answer, `Sec-WebSocket-Extensions: ${name}`);
    }
  });

  Deno.test(`${face.name}: lists of extensions end with a null callback`, async () => {
    const end = { name: null, callback: null };
    await using server = rig(face, {
      extensions: [end, ...internal(face)],
      protocols: [{ name: "talk", callback: () => 0 }],
    });
    const headers = [`Sec-WebSocket-Extensions: ${name}`];
    const { answer } = await server.open({ protocol: "talk", headers });
    assertEquals(answer.includes("Extensions"), false);
  });
}
