/** The request head parser. */

import { RequestHeadParser } from "../src/core/http/head.ts";
import { DEFAULT_LIMITS } from "../src/api/limits.ts";

const encoder = new TextEncoder();
const SMALL = encoder.encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
const BROWSER = encoder.encode(
  [
    "GET /assets/app.js?v=42 HTTP/1.1",
    "Host: www.example.com",
    "Connection: keep-alive",
    'sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24"',
    "sec-ch-ua-mobile: ?0",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36",
    "Accept: */*",
    "Sec-Fetch-Site: same-origin",
    "Sec-Fetch-Mode: cors",
    "Referer: https://www.example.com/",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Accept-Language: en-GB,en;q=0.9,de;q=0.8",
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark",
    "\r\n",
  ].join("\r\n"),
);

for (const [name, bytes] of [["small", SMALL], ["a browser's", BROWSER]] as const) {
  const parser = new RequestHeadParser(DEFAULT_LIMITS);
  Deno.bench(`${name} request head, whole`, { group: name }, () => {
    parser.parse(bytes);
    parser.reset();
  });
  Deno.bench(`${name} request head, byte by byte`, { group: name }, () => {
    for (let end = 1; end <= bytes.length; end++) parser.parse(bytes.subarray(0, end));
    parser.reset();
  });
}
