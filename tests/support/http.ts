/** Requests and answers for tests of HTTP, and protocols that answer them. */

import { handlers, type Protocol, type Wsi } from "../../mod.ts";
import { MemoryError } from "../../src/testing/memory_transport.ts";
import type { MemoryPeer } from "../../src/testing/memory_peer.ts";
import { readHead, readResponse, type Served } from "./serve.ts";

/** A request with a `Host` and the given header lines. */
export function get(target: string, ...lines: readonly string[]): string {
  return request("GET", target, ...lines);
}

/** A request's head, without or before its body. */
export function request(method: string, target: string, ...lines: readonly string[]): string {
  return [`${method} ${target} HTTP/1.1`, "Host: localhost", ...lines, "", ""].join("\r\n");
}

/** Answers with a page of `returnHttpStatus`, and completes the transaction. */
export function reply(
  wsi: Wsi,
  status = 200,
  ...more: Parameters<Wsi["returnHttpStatus"]> extends [number, ...infer Rest] ? Rest : never
): 0 | 1 {
  wsi.returnHttpStatus(status, ...more);
  return wsi.httpTransactionCompleted();
}

/** Answers every request at once with `METHOD path body`, and writes down all paths. */
export function answering(): { protocol: Protocol; paths: string[] } {
  const paths: string[] = [];
  const protocol: Protocol<{ body: string }> = {
    name: "http",
    perSessionData: () => ({ body: "" }),
    callback: handlers<{ body: string }>({
      http(wsi, _user, path) {
        paths.push(path);
        const hasBody = wsi.hdrCopy("content-length") ?? wsi.hdrCopy("transfer-encoding");
        if (hasBody !== undefined) return;
        return reply(wsi, 200, `${wsi.method} ${path}`);
      },
      httpBody(_wsi, user, piece) {
        user.body += new TextDecoder().decode(piece);
      },
      httpBodyCompletion(wsi, user) {
        wsi.returnHttpStatus(200, `${wsi.method} ${wsi.uri} ${user.body}`);
        user.body = "";
        return wsi.httpTransactionCompleted();
      },
    }),
  };
  return { protocol, paths };
}

/** The status of a response's head. */
export function statusOf(head: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
}

/** The value of a field of a response's head; undefined when it is absent. */
export function fieldOf(head: string, name: string): string | undefined {
  const line = head.split("\r\n").find((each) =>
    each.toLowerCase().startsWith(`${name.toLowerCase()}:`)
  );
  return line?.slice(name.length + 1).trim();
}

/** The text that `answering` and `returnHttpStatus` put into their page. */
export function textOfPage(body: string): string {
  return /<\/h1>(.*)<\/body>/s.exec(body)?.[1] ?? body;
}

/** Reads a page and gives its text. */
export async function readPage(peer: MemoryPeer): Promise<string> {
  return textOfPage((await readResponse(peer)).body);
}

/** Reads a refusal: its status, and that the connection ends behind it. */
export async function readRefusal(peer: MemoryPeer): Promise<{ status: number; head: string }> {
  const head = await readHead(peer);
  const length = Number(fieldOf(head, "content-length") ?? 0);
  const rest = await peer.readToEnd();
  if (rest.length !== length) {
    throw new Error(`${rest.length - length} bytes came behind ${head}`);
  }
  return { status: statusOf(head), head };
}

/** Reads up to a reset, without which a part of an answer could be taken for all of it. */
export async function readToReset(peer: MemoryPeer): Promise<Uint8Array> {
  const bytes = await peer.readToEnd();
  const error = await peer.closed;
  if (peer.ended || !(error instanceof MemoryError)) {
    throw new Error(`it ended in order behind ${bytes.length} bytes`);
  }
  return bytes;
}

/** A connection that must not notice what happens to others. */
export async function bystander(served: Served): Promise<{ check(): Promise<void> }> {
  const peer = await served.dial();
  const check = async () => {
    peer.send(get("/bystander"));
    const { head } = await readResponse(peer);
    if (statusOf(head) !== 200) throw new Error(`the bystander got ${head}`);
  };
  await check();
  return { check };
}
