/** One folder, served by a server of ours and by nginx, and the same requests to both. */

import { assertEquals } from "@std/assert";
import { dirname } from "@std/path";
import { createContext, hostFileOps, type Limits, type Mount } from "../../../mod.ts";
import { PATIENT } from "../../support/patience.ts";
import { HTTP_SETTINGS, nginx } from "../nginx.ts";
import { named } from "../../support/named.ts";

/** Both servers and their folder. */
export interface Both extends AsyncDisposable {
  readonly folder: string;
  /** Their ports. */
  readonly ours: number;
  readonly nginx: number;
}

/** What is served. */
export interface BothOptions {
  /** Files by their paths below the folder, all of them modified at {@linkcode MODIFIED}. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  /** Directives for nginx's `server` block. */
  readonly nginx?: string;
  /** Set where ours is a mount; else it answers each request with `serveHttpFile`. */
  readonly mount?: Partial<Mount>;
  /** Whether ours compresses on the way. @default {false} */
  readonly compression?: boolean;
  /** Our limits. @default longer than a machine with too much to do takes */
  readonly limits?: Partial<Limits>;
}

/** When all files were modified last: some while ago, so that their tags are strong. */
export const MODIFIED = new Date("2024-05-06T07:08:09Z");

/** Starts both; they end with the `await using` scope. */
export async function bothServing(options: BothOptions): Promise<Both> {
  const folder = await Deno.makeTempDir();
  for (const [path, content] of Object.entries(options.files)) {
    await writeFile(`${folder}/${path}`, content);
  }
  // nginx may run as somebody else.
  await Deno.chmod(folder, 0o755);
  const other = await nginx((port) =>
    `http {
  ${HTTP_SETTINGS}
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  charset utf-8;
  charset_types text/css text/plain text/xml application/javascript application/xml;
  if_modified_since before;
  server {
    listen 127.0.0.1:${port};
    root ${folder};
    index index.html;
    absolute_redirect off;
    ${options.nginx ?? ""}
  }
}`
  );
  const { compression = false, limits = PATIENT } = options;
  const where = { port: 0, iface: "127.0.0.1", compression, ...limits };
  const ours = options.mount === undefined
    ? createContext({
      ...where,
      fileOps: hostFileOps(folder),
      protocols: [named("http", { http: (wsi, _user, path) => wsi.serveHttpFile(path) })],
    })
    : createContext({ ...where, mounts: [{ path: "/", folder, ...options.mount }] });
  return {
    folder,
    ours: ours.port,
    nginx: other.port,
    async [Symbol.asyncDispose]() {
      await ours[Symbol.asyncDispose]();
      await other[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Writes a file, with folders around it, as old as the others. */
async function writeFile(path: string, content: string | Uint8Array): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  if (typeof content === "string") await Deno.writeTextFile(path, content);
  else await Deno.writeFile(path, content);
  await Deno.utime(path, MODIFIED, MODIFIED);
}

/** What came back. */
export interface Answer {
  readonly status: number;
  /** The value of a field, several lines joined; undefined when there is none. */
  field(name: string): string | undefined;
  /** A character for each byte, chunks put together. */
  readonly body: string;
}

/** Sends one request over a connection of its own, exactly as it is written here. */
export async function ask(
  port: number,
  method: string,
  target: string,
  fields: readonly string[] = [],
): Promise<Answer> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const lines = [`${method} ${target} HTTP/1.1`, "Host: site.test", "Connection: close", ...fields];
  await conn.write(new TextEncoder().encode(lines.map((line) => `${line}\r\n`).join("") + "\r\n"));
  return answerOf(await readToEnd(conn));
}

/** Everything until the server closes, a character for each byte. */
export async function readToEnd(conn: Deno.Conn): Promise<string> {
  let text = "";
  const buffer = new Uint8Array(64 * 1024);
  for (;;) {
    const count = await conn.read(buffer);
    if (count === null) return text;
    text += latin1(buffer.subarray(0, count));
  }
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return text;
}

function answerOf(text: string): Answer {
  const end = text.indexOf("\r\n\r\n");
  const [start, ...lines] = text.slice(0, end).split("\r\n");
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const before = fields.get(name);
    const value = line.slice(colon + 1).trim();
    fields.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  const body = text.slice(end + 4);
  return {
    status: Number(start!.split(" ")[1]),
    field: (name) => fields.get(name),
    body: fields.get("transfer-encoding") === "chunked" ? unchunk(body) : body,
  };
}

function unchunk(body: string): string {
  let text = "";
  for (let at = 0;;) {
    const end = body.indexOf("\r\n", at);
    const size = Number.parseInt(body.slice(at, end), 16);
    if (!(size > 0)) return text;
    text += body.slice(end + 2, end + 2 + size);
    at = end + 2 + size + 2;
  }
}

/** What a server says of a file when nothing is asked of it. */
export interface Facts {
  readonly etag: string;
  readonly lastModified: string;
}

/** One request to both. */
export interface Question {
  /** A sentence that says what is expected. */
  readonly name: string;
  /** @default {"GET"} */
  readonly method?: string;
  readonly target: string;
  /** The fields, made of what the same server says of that file. */
  readonly fields?: (facts: Facts) => readonly string[];
  /** The status of our answer. */
  readonly status: number;
  /** What nginx does otherwise, and why ours is as it is. */
  readonly unlike?: {
    readonly status?: number;
    /** Fields that are not the same. */
    readonly fields?: readonly string[];
    /** Set where the bodies are not the same. */
    readonly body?: true;
    readonly because: string;
  };
}

/** What stands for a fact, or for a date of another minute, in a field of {@linkcode questions}. */
function filled(field: string, { etag, lastModified }: Facts): string {
  const minuteFrom = (ms: number) => new Date(MODIFIED.getTime() + ms).toUTCString();
  const values = { etag, lastModified, before: minuteFrom(-60_000), after: minuteFrom(60_000) };
  return field.replace(/\{(\w+)\}/, (_, name: keyof typeof values) => values[name] ?? "");
}

/**
 * Questions of a status and a sentence each, with lines for the fields, for another target (`at`), and for
 * nginx's other status and why it is another.
 */
export function questions(target: string, text: string): readonly Question[] {
  return text.trim().split(/\n(?=\d)/).map((each) => {
    const [first, ...lines] = each.split("\n").map((line) => line.trim()) as [string, ...string[]];
    const fields = lines.filter((line) => !/^(at|nginx) /.test(line));
    const [, status, because] = /^ {2}nginx (\d+): (.+)$/m.exec(each) ?? [];
    return {
      name: first.slice(4),
      target: /^ {2}at (.+)$/m.exec(each)?.[1] ?? target,
      fields: (facts) => fields.map((field) => filled(field, facts)),
      status: Number(first.slice(0, 3)),
      ...(because === undefined ? {} : { unlike: { status: Number(status), because } }),
    };
  });
}

/** What must be the same on both sides; names of tags and boundaries are each server's own. */
const COMPARED = [
  "allow",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "last-modified",
  "location",
  "vary",
];
/** Of the body of an error, which each server words in its own way. */
const OF_A_PAGE = ["content-length", "content-type", "last-modified"];

/**
 * Sends questions to both and compares the answers. A difference that is not told, and one that is told
 * and not there, fails.
 */
export async function compare(both: Both, questions: readonly Question[]): Promise<void> {
  const faults: string[] = [];
  for (const question of questions) {
    const { method = "GET", target, fields = () => [] } = question;
    const [ours, theirs] = await Promise.all([both.ours, both.nginx].map(async (port) => {
      const { field } = await ask(port, "HEAD", target);
      const facts = { etag: field("etag") ?? "", lastModified: field("last-modified") ?? "" };
      return await ask(port, method, target, fields(facts));
    })) as [Answer, Answer];
    faults.push(...faultsOf(question, ours, theirs).map((fault) => `${question.name}: ${fault}`));
  }
  assertEquals(faults, []);
}

function faultsOf({ status, unlike }: Question, ours: Answer, theirs: Answer): string[] {
  if (ours.status !== status) return [`ours is ${ours.status}, not ${status}`];
  const theirStatus = unlike?.status ?? status;
  if (theirs.status !== theirStatus) return [`nginx's is ${theirs.status}, not ${theirStatus}`];
  if (theirStatus !== status) return [];
  const isPage = status >= 300;
  const told = unlike?.fields ?? [];
  const compared = COMPARED.filter((name) => !isPage || !OF_A_PAGE.includes(name));
  // Who was given a part knows already that there are some.
  if (status === 200) compared.push("accept-ranges");
  const faults = compared.flatMap((name) => {
    const [our, their] = [ours, theirs].map(({ field }) => comparable(field(name)));
    if ((our !== their) === told.includes(name)) return [];
    return [`${name} is ${our}, and nginx's is ${their}`];
  });
  const differs = withoutBoundary(ours) !== withoutBoundary(theirs);
  if (!isPage && differs !== (unlike?.body ?? false)) {
    faults.push(`the bodies are ${differs ? "different" : "the same"}`);
  }
  return faults;
}

function comparable(value: string | undefined): string | undefined {
  return value?.replace(/boundary=\S+/, "boundary").toLowerCase();
}

function withoutBoundary({ field, body }: Answer): string {
  const [, boundary] = /boundary="?([^";]+)/.exec(field("content-type") ?? "") ?? [];
  return boundary === undefined ? body : body.replaceAll(boundary, "boundary");
}
