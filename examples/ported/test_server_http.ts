/** The test server's first protocol: a page that the library sends, and files that are sent by hand. */

import {
  type Box,
  box,
  HTTP_STATUS_FORBIDDEN,
  HTTP_STATUS_OK,
  HTTP_STATUS_UNSUPPORTED_MEDIA_TYPE,
  type lws,
  lws_add_http_header_by_token,
  lws_add_http_header_content_length,
  lws_add_http_header_status,
  LWS_CALLBACK_ADD_POLL_FD,
  LWS_CALLBACK_CHANGE_MODE_POLL_FD,
  LWS_CALLBACK_CLOSED_HTTP,
  LWS_CALLBACK_DEL_POLL_FD,
  LWS_CALLBACK_FILTER_NETWORK_CONNECTION,
  LWS_CALLBACK_HTTP,
  LWS_CALLBACK_HTTP_BODY,
  LWS_CALLBACK_HTTP_BODY_COMPLETION,
  LWS_CALLBACK_HTTP_FILE_COMPLETION,
  LWS_CALLBACK_HTTP_WRITEABLE,
  lws_callback_on_writable,
  lws_finalize_http_header,
  lws_get_peer_addresses,
  lws_hdr_total_length,
  lws_http_transaction_completed,
  LWS_INVALID_FILE,
  lws_plat_file_close,
  lws_plat_file_open,
  lws_plat_file_read,
  lws_plat_file_seek_cur,
  type lws_pollargs,
  lws_return_http_status,
  LWS_SEND_BUFFER_PRE_PADDING,
  lws_send_pipe_choked,
  lws_serve_http_file,
  lws_set_timeout,
  lws_write,
  LWS_WRITE_HTTP,
  LWS_WRITE_HTTP_HEADERS,
  lwsl_err,
  lwsl_notice,
  O_RDONLY,
  PENDING_TIMEOUT_HTTP_CONTENT,
  WSI_TOKEN_GET_URI,
  WSI_TOKEN_HTTP_CONTENT_TYPE,
  WSI_TOKEN_POST_URI,
} from "@x/lws/compat";
import { fileURLToPath } from "node:url";
import { add_poll_fd, change_mode_poll_fd, del_poll_fd } from "./test_server_poll.ts";

/** The folder of the files. */
let resource_path = fileURLToPath(new URL("./www", import.meta.url));

/** Serves another folder than `www`. */
export function set_resource_path(path: string): void {
  resource_path = path;
}

const BUFFER_SIZE = 4096;

export interface per_session_data__http {
  fd: unknown;
}

/** What is served by hand, by how it ends. */
const mimetypes: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain",
};

function get_mimetype(file: string): string | undefined {
  return mimetypes[file.slice(file.lastIndexOf("."))];
}

/** Closes the file that is being sent by hand, if one is. */
function close_file(wsi: lws, pss: per_session_data__http): void {
  if (pss.fd === LWS_INVALID_FILE) return;
  lws_plat_file_close(wsi, pss.fd);
  pss.fd = LWS_INVALID_FILE;
}

/** The head of a file that is sent by hand; its length, or −1. */
function write_file_head(wsi: lws, mimetype: string, file_len: number): number {
  const buffer = new Uint8Array(LWS_SEND_BUFFER_PRE_PADDING + BUFFER_SIZE);
  const start = buffer.subarray(LWS_SEND_BUFFER_PRE_PADDING);
  const end = buffer.subarray(buffer.length);
  const p = box(start);
  if (lws_add_http_header_status(wsi, 200, p, end) !== 0) return -1;
  const type = WSI_TOKEN_HTTP_CONTENT_TYPE;
  if (lws_add_http_header_by_token(wsi, type, mimetype, mimetype.length, p, end) !== 0) return -1;
  if (lws_add_http_header_content_length(wsi, file_len, p, end) !== 0) return -1;
  if (lws_finalize_http_header(wsi, p, end) !== 0) return -1;
  const n = p.value.byteOffset - start.byteOffset;
  return lws_write(wsi, start, n, LWS_WRITE_HTTP_HEADERS);
}

/** Sends pieces of a file while they leave at once. −1 when the connection is to be closed. */
function write_file(wsi: lws, pss: per_session_data__http): number {
  const buffer = new Uint8Array(LWS_SEND_BUFFER_PRE_PADDING + BUFFER_SIZE);
  const p = buffer.subarray(LWS_SEND_BUFFER_PRE_PADDING);
  const amount = box(0);
  do {
    if (lws_plat_file_read(wsi, pss.fd, amount, p, BUFFER_SIZE) < 0) return -1;
    const n = amount.value;
    if (n === 0) {
      close_file(wsi, pss);
      return lws_http_transaction_completed(wsi) === 0 ? 0 : -1;
    }
    const m = lws_write(wsi, p, n, LWS_WRITE_HTTP);
    if (m < 0) return -1;
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, 5);
    // What was not taken is read again.
    if (m !== n && lws_plat_file_seek_cur(wsi, pss.fd, m - n) < 0) return -1;
  } while (lws_send_pipe_choked(wsi) === 0);
  lws_callback_on_writable(wsi);
  return 0;
}

export function callback_http(
  wsi: lws,
  reason: number,
  user: per_session_data__http,
  input: unknown,
  len: number,
): number {
  const pss = user;

  switch (reason) {
    case LWS_CALLBACK_HTTP: {
      pss.fd = LWS_INVALID_FILE;
      if (len < 1) {
        lws_return_http_status(wsi, HTTP_STATUS_FORBIDDEN, null);
        return lws_http_transaction_completed(wsi) === 0 ? 0 : -1;
      }
      // A POST: the body follows.
      if (lws_hdr_total_length(wsi, WSI_TOKEN_POST_URI) > 0) return 0;
      const path = input as string;
      if (lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) > 0) lwsl_notice(`GET ${path}\n`);

      // The page is the library's to send.
      if (path === "/" || path === "/test.html") {
        const cookie = "set-cookie: test=LWS_1448582400_COOKIE; Max-Age=360000\r\n";
        const file = `${resource_path}/test.html`;
        const n = lws_serve_http_file(wsi, file, "text/html", cookie, cookie.length);
        if (n < 0 || (n > 0 && lws_http_transaction_completed(wsi) !== 0)) return -1;
        break;
      }

      // All else is sent by hand.
      const mimetype = get_mimetype(path);
      if (mimetype === undefined) {
        lwsl_err(`Unknown mimetype for ${path}\n`);
        lws_return_http_status(wsi, HTTP_STATUS_UNSUPPORTED_MEDIA_TYPE, null);
        return lws_http_transaction_completed(wsi) === 0 ? 0 : -1;
      }
      const file_len = box(0);
      pss.fd = lws_plat_file_open(wsi, resource_path + path, file_len, O_RDONLY);
      if (pss.fd === LWS_INVALID_FILE) {
        lws_return_http_status(wsi, 404, null);
        return lws_http_transaction_completed(wsi) === 0 ? 0 : -1;
      }
      if (write_file_head(wsi, mimetype, file_len.value) < 0) {
        close_file(wsi, pss);
        return -1;
      }
      // The body follows when it can be written.
      lws_callback_on_writable(wsi);
      break;
    }

    case LWS_CALLBACK_HTTP_BODY:
      lwsl_notice(`LWS_CALLBACK_HTTP_BODY: ${new TextDecoder().decode(input as Uint8Array)}\n`);
      break;

    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
      lws_return_http_status(wsi, HTTP_STATUS_OK, null);
      return lws_http_transaction_completed(wsi) === 0 ? 0 : -1;

    case LWS_CALLBACK_HTTP_FILE_COMPLETION:
      return lws_http_transaction_completed(wsi) === 0 ? 0 : -1;

    case LWS_CALLBACK_HTTP_WRITEABLE:
      // A callback that was not asked for.
      if (pss.fd === LWS_INVALID_FILE) break;
      if (write_file(wsi, pss) < 0) {
        close_file(wsi, pss);
        return -1;
      }
      break;

    case LWS_CALLBACK_CLOSED_HTTP:
      if (pss !== null) close_file(wsi, pss);
      break;

    case LWS_CALLBACK_FILTER_NETWORK_CONNECTION: {
      const [name, rip]: [Box<string>, Box<string>] = [box(""), box("")];
      lws_get_peer_addresses(wsi, input as number, name, 128, rip, 128);
      lwsl_notice(`Received network connect from ${name.value} (${rip.value})\n`);
      // Any other value than 0 would refuse it.
      break;
    }

    // For a loop of its own.

    case LWS_CALLBACK_ADD_POLL_FD:
      add_poll_fd(input as lws_pollargs);
      break;
    case LWS_CALLBACK_DEL_POLL_FD:
      del_poll_fd(input as lws_pollargs);
      break;
    case LWS_CALLBACK_CHANGE_MODE_POLL_FD:
      change_mode_poll_fd(input as lws_pollargs);
      break;
    default:
      break;
  }
  return 0;
}
