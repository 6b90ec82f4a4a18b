/** JetStream's API as an administrator calls it, by the protocol alone. */

const encoder = new TextEncoder();

/** Calls it once, over a connection of its own, and gives the answer. */
// deno-lint-ignore no-explicit-any -- what a server answers
export async function administer(port: number, call: string, body?: unknown): Promise<any> {
  const data = body === undefined ? "" : JSON.stringify(body);
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const lines = [
    `CONNECT {"verbose":false,"headers":true,"no_responders":true}`,
    "SUB answer 1",
    `PUB $JS.API.${call} answer ${data.length}`,
    data,
    "",
  ];
  await conn.write(encoder.encode(lines.join("\r\n")));
  let text = "";
  for await (const bytes of conn.readable.pipeThrough(new TextDecoderStream())) {
    text += bytes;
    const found = /^H?MSG answer 1 (\d+)\r\n/m.exec(text);
    if (found === null) continue;
    const answer = text.slice(found.index + found[0].length);
    if (answer.length >= Number(found[1])) return JSON.parse(answer.slice(0, Number(found[1])));
  }
  throw new Error("the server has not answered");
}
