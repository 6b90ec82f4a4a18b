/** What llhttp, the parser of Node, makes of HTTP messages; the build is that of npm:undici. */

import wasm from "npm:undici@7.16.0/lib/llhttp/llhttp-wasm.js";

/** A message, or what has come of one. */
export interface Heard {
  /** Empty for a response. */
  method: string;
  target: string;
  status: number;
  /** Names in lower case, values without blanks around them. */
  readonly fields: [name: string, value: string][];
  body: string;
  hasHead: boolean;
  isWhole: boolean;
}

/** What came, up to a failure or to what is no HTTP any more. */
export interface Answer {
  readonly messages: readonly Heard[];
  /** llhttp's own words; undefined without a failure. */
  readonly failure: string | undefined;
  /** Whether it stopped behind a request for an upgrade. */
  readonly isUpgrade: boolean;
}

type Numbers = (...given: readonly number[]) => number;

const PAUSED_UPGRADE = 22;
/** Room for an input. */
const ROOM = 64 * 1024;

let current: Heard[] = [];
let memory: Uint8Array = new Uint8Array(0);
let isField = false;

const text = (at: number, length: number) => {
  let result = "";
  for (let i = 0; i < length; i++) result += String.fromCharCode(memory[at + i]!);
  return result;
};
const last = () => current.at(-1)!;

const exports = new WebAssembly.Instance(new WebAssembly.Module(wasm as BufferSource), {
  env: {
    wasm_on_message_begin() {
      current.push({
        method: "",
        target: "",
        status: 0,
        fields: [],
        body: "",
        hasHead: false,
        isWhole: false,
      });
      isField = false;
      return 0;
    },
    wasm_on_url(_parser: number, at: number, length: number) {
      last().target += text(at, length);
      return 0;
    },
    wasm_on_status: () => 0,
    wasm_on_header_field(_parser: number, at: number, length: number) {
      const { fields, hasHead } = last();
      // A trailer's.
      if (hasHead) return 0;
      if (isField) fields.at(-1)![0] += text(at, length);
      else fields.push([text(at, length), ""]);
      isField = true;
      return 0;
    },
    wasm_on_header_value(_parser: number, at: number, length: number) {
      const { fields, hasHead } = last();
      if (!hasHead) fields.at(-1)![1] += text(at, length);
      isField = false;
      return 0;
    },
    wasm_on_headers_complete(parser: number, status: number) {
      const message = last();
      message.status = status;
      message.method = nameAt(call.llhttp_method_name!(call.llhttp_get_method!(parser)));
      message.hasHead = true;
      isField = false;
      for (const field of message.fields) {
        field[0] = field[0].toLowerCase();
        field[1] = field[1].replace(/^[ \t]+|[ \t]+$/g, "");
      }
      return 0;
    },
    wasm_on_body(_parser: number, at: number, length: number) {
      last().body += memory.subarray(at, at + length).toHex();
      return 0;
    },
    wasm_on_message_complete() {
      last().isWhole = true;
      return 0;
    },
  },
}).exports as Record<string, unknown>;

const call = exports as Record<string, Numbers>;
call._initialize?.();
const buffer = call.malloc!(ROOM);

function nameAt(at: number): string {
  let end = at;
  while (memory[end] !== 0) end++;
  return text(at, end - at);
}

const REQUEST = 1;
const RESPONSE = 2;

/** Reads messages, one behind the other, given at once. */
export function heard(bytes: Uint8Array, kind: "requests" | "responses"): Answer {
  const parser = call.llhttp_alloc!(kind === "requests" ? REQUEST : RESPONSE);
  current = [];
  memory = new Uint8Array((exports.memory as WebAssembly.Memory).buffer);
  memory.set(bytes, buffer);
  const status = call.llhttp_execute!(parser, buffer, bytes.length);
  const isUpgrade = status === PAUSED_UPGRADE;
  const failure = status === 0 || isUpgrade
    ? undefined
    : nameAt(call.llhttp_get_error_reason!(parser));
  call.llhttp_free!(parser);
  return { messages: current, failure, isUpgrade };
}
