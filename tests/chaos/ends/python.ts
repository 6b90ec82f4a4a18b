/** python3-websockets, in processes of their own. */

import type { Outcome } from "../conversation.ts";
import { randomOf } from "../decisions.ts";
import { PYTHON, scriptPath, start } from "../../peers/peer.ts";
import { type ClientEnd, type Identity, portOf, type ServerEnd } from "./end.ts";

/** Whether and how it compresses. */
export type PythonDeflate = "" | "takeover" | "no-takeover";

/** Starts clients of python3-websockets, which say by themselves what they say. */
export function pythonClient(deflate: PythonDeflate = "", identity?: Identity): ClientEnd {
  const process = new Deno.Command(PYTHON.path, {
    args: [scriptPath("../chaos/ends/client.py"), deflate, identity?.ca ?? ""],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const input = process.stdin.getWriter();
  const waiting = new Map<string, (outcome: Outcome) => void>();
  const reading = (async () => {
    let text = "";
    for await (const part of process.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (text + part).split("\n");
      text = lines.pop()!;
      for (const line of lines) {
        const { name, ...outcome } = JSON.parse(line) as Outcome & { name: string };
        waiting.get(name)?.(outcome);
        waiting.delete(name);
      }
    }
  })();
  return {
    async talk(place, name) {
      const path = ["pieces", "whole", "loop"][randomOf(`${name} reads`)(3)];
      const url = `${identity ? "wss://localhost" : "ws://127.0.0.1"}:${portOf(place)}/${path}`;
      const { promise, resolve } = Promise.withResolvers<Outcome>();
      waiting.set(name, resolve);
      await input.write(new TextEncoder().encode(`${JSON.stringify({ name, url })}\n`));
      return promise;
    },
    async [Symbol.asyncDispose]() {
      await input.close();
      await reading;
      await process.status;
    },
  };
}

/** Starts a server of python3-websockets. */
export async function pythonServer(deflate: PythonDeflate = ""): Promise<ServerEnd> {
  const running = start(PYTHON.path, [scriptPath("../chaos/ends/server.py"), deflate]);
  return {
    place: { port: Number(await running.nextLine()) },
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}
