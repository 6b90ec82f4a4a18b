/** `dumb-increment-protocol`: a number that grows, and begins again at `reset`. */

import {
  box,
  type lws,
  LWS_CALLBACK_ESTABLISHED,
  LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION,
  LWS_CALLBACK_RECEIVE,
  LWS_CALLBACK_SERVER_WRITEABLE,
  lws_hdr_copy,
  lws_hdr_total_length,
  LWS_SEND_BUFFER_POST_PADDING,
  LWS_SEND_BUFFER_PRE_PADDING,
  lws_token_to_string,
  lws_write,
  LWS_WRITE_TEXT,
  lwsl_err,
  lwsl_notice,
} from "@x/lws/compat";

/** Prints the headers that have come. */
function dump_handshake_info(wsi: lws): void {
  const buf = box("");
  let c: string | null;
  for (let n = 0; (c = lws_token_to_string(n)) !== null; n++) {
    if (lws_hdr_total_length(wsi, n) === 0) continue;
    if (lws_hdr_copy(wsi, buf, 256, n) > 0) lwsl_notice(`    ${c} ${buf.value}\n`);
  }
}

export interface per_session_data__dumb_increment {
  number: number;
}

export function callback_dumb_increment(
  wsi: lws,
  reason: number,
  user: per_session_data__dumb_increment,
  input: Uint8Array,
): number {
  const pss = user;

  switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
      pss.number = 0;
      break;

    case LWS_CALLBACK_SERVER_WRITEABLE: {
      const buf = new Uint8Array(LWS_SEND_BUFFER_PRE_PADDING + 32 + LWS_SEND_BUFFER_POST_PADDING);
      const p = buf.subarray(LWS_SEND_BUFFER_PRE_PADDING);
      const n = new TextEncoder().encodeInto(String(pss.number++), p).written;
      const m = lws_write(wsi, p, n, LWS_WRITE_TEXT);
      if (m < n) {
        lwsl_err(`ERROR ${m} writing to di socket\n`);
        return -1;
      }
      break;
    }

    case LWS_CALLBACK_RECEIVE: {
      const text = new TextDecoder().decode(input);
      if (text === "reset\n") pss.number = 0;
      if (text === "closeme\n") {
        lwsl_notice("dumb_inc: closing as requested\n");
        return -1;
      }
      break;
    }

    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
      dump_handshake_info(wsi);
      break;

    default:
      break;
  }
  return 0;
}
