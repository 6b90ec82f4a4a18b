/** `lws-mirror-protocol`: what one connection sends, all of them get. */

import {
  type lws,
  LWS_CALLBACK_ESTABLISHED,
  lws_callback_on_writable,
  lws_callback_on_writable_all_protocol,
  LWS_CALLBACK_RECEIVE,
  LWS_CALLBACK_SERVER_WRITEABLE,
  lws_frame_is_binary,
  lws_get_context,
  lws_get_protocol,
  lws_partial_buffered,
  lws_rx_flow_allow_all_protocol,
  lws_rx_flow_control,
  LWS_SEND_BUFFER_POST_PADDING,
  LWS_SEND_BUFFER_PRE_PADDING,
  lws_send_pipe_choked,
  lws_write,
  LWS_WRITE_BINARY,
  LWS_WRITE_TEXT,
  lwsl_err,
} from "@x/lws/compat";

const MAX_MESSAGE_QUEUE = 32;

export interface per_session_data__lws_mirror {
  ringbuffer_tail: number;
}

interface a_message {
  payload: Uint8Array;
  len: number;
  write_kind: number;
}

const ringbuffer: a_message[] = [];
let ringbuffer_head = 0;

/** How many messages a connection has not got yet. */
function waiting({ ringbuffer_tail }: per_session_data__lws_mirror): number {
  return (ringbuffer_head - ringbuffer_tail + MAX_MESSAGE_QUEUE) % MAX_MESSAGE_QUEUE;
}

export function callback_lws_mirror(
  wsi: lws,
  reason: number,
  user: per_session_data__lws_mirror,
  input: Uint8Array,
  len: number,
): number {
  const pss = user;

  switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
      pss.ringbuffer_tail = ringbuffer_head;
      break;

    case LWS_CALLBACK_SERVER_WRITEABLE:
      while (waiting(pss) > 0) {
        const { payload, len: n, write_kind } = ringbuffer[pss.ringbuffer_tail]!;
        const p = payload.subarray(LWS_SEND_BUFFER_PRE_PADDING);
        if (lws_write(wsi, p, n, write_kind) < n) {
          lwsl_err("ERROR writing to mirror socket\n");
          return -1;
        }
        pss.ringbuffer_tail = (pss.ringbuffer_tail + 1) % MAX_MESSAGE_QUEUE;
        // There is room again: connections that were stopped are read from.
        if (waiting(pss) === MAX_MESSAGE_QUEUE - 15) {
          lws_rx_flow_allow_all_protocol(lws_get_context(wsi), lws_get_protocol(wsi));
        }
        if (lws_partial_buffered(wsi) !== 0 || lws_send_pipe_choked(wsi) !== 0) {
          lws_callback_on_writable(wsi);
          break;
        }
      }
      break;

    case LWS_CALLBACK_RECEIVE: {
      if (waiting(pss) === MAX_MESSAGE_QUEUE - 1) {
        lwsl_err("dropping!\n");
        lws_rx_flow_control(wsi, 0);
        break;
      }
      const payload = new Uint8Array(
        LWS_SEND_BUFFER_PRE_PADDING + len + LWS_SEND_BUFFER_POST_PADDING,
      );
      payload.set(input, LWS_SEND_BUFFER_PRE_PADDING);
      const write_kind = lws_frame_is_binary(wsi) === 0 ? LWS_WRITE_TEXT : LWS_WRITE_BINARY;
      ringbuffer[ringbuffer_head] = { payload, len, write_kind };
      ringbuffer_head = (ringbuffer_head + 1) % MAX_MESSAGE_QUEUE;
      if (waiting(pss) >= MAX_MESSAGE_QUEUE - 2) lws_rx_flow_control(wsi, 0);
      lws_callback_on_writable_all_protocol(lws_get_context(wsi), lws_get_protocol(wsi));
      break;
    }
    default:
      break;
  }
  return 0;
}
