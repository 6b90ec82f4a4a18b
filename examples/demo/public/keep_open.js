/** A WebSocket to the host and port the page came from, connected for as long as the page lives. */

const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 4_000;
/** A connection that held this long was a good one: the next wait starts small again. */
const SETTLED_MS = 2_000;
/** More unsent than this and the network is behind: strokes wait for the next animation frame. */
const UNSENT_BYTES = 65_536;

/** RFC 6455 section 7.4.1, and the registry's later codes, for a close that gave no reason. */
const CLOSE_CODES = new Map([
  [1000, "finished"],
  [1001, "server going away"],
  [1002, "protocol error"],
  [1003, "unsupported data"],
  [1006, "connection lost"],
  [1007, "invalid text"],
  [1008, "policy"],
  [1009, "message too big"],
  [1011, "server error"],
  [1012, "server restarting"],
  [1013, "try again later"],
]);

/**
 * Keeps one protocol connected for as long as the page lives, and its badge true.
 * The badge stays `closed` while the retries run, with what ended the connection that was open.
 */
export function keepOpen(protocol, badge, { open, message, close }) {
  let socket;
  let retries = 0;
  let timer;
  let openedAt = 0;

  const show = (state, text) => {
    badge.dataset.state = state;
    if (badge.textContent !== text) badge.textContent = text;
  };

  const connect = () => {
    clearTimeout(timer);
    timer = undefined;
    openedAt = 0;
    socket = new WebSocket(new URL("/", location.href.replace(/^http/, "ws")), protocol);
    socket.addEventListener("open", () => {
      openedAt = performance.now();
      show("open", "open");
      open?.();
    });
    socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string") message(data);
    });
    socket.addEventListener("close", ({ code, reason }) => {
      const wasOpen = openedAt > 0;
      if (wasOpen && performance.now() - openedAt > SETTLED_MS) retries = 0;
      if (wasOpen || badge.dataset.state === "connecting") {
        show("closed", `closed · ${code} ${reason || (CLOSE_CODES.get(code) ?? "")}`.trim());
        close?.();
      }
      const wait = Math.min(FIRST_RETRY_MS * 2 ** retries++, LONGEST_RETRY_MS);
      // Jitter spreads the visitors of a server that has just come back.
      timer = setTimeout(connect, wait * (0.75 + Math.random() * 0.5));
    });
  };

  const retryNow = () => {
    if (timer !== undefined && document.visibilityState === "visible") connect();
  };
  addEventListener("online", retryNow);
  document.addEventListener("visibilitychange", retryNow);

  connect();
  return {
    get ready() {
      return socket.readyState === WebSocket.OPEN && socket.bufferedAmount < UNSENT_BYTES;
    },
    send(text) {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
  };
}
