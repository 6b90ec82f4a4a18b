/** What a page runs to load itself anew. */

/** Where the script is: below a name with a dot, which no folder serves. */
export const SCRIPT_PATH = "/.lws/reload.js";
/** Where its WebSocket is, by its subprotocol. */
export const RELOAD_PROTOCOL = "lws-reload";

/** What the server tells a page, as JSON. */
export interface Change {
  /** The paths of style sheets, where nothing else has changed. */
  readonly styles?: readonly string[];
}

/**
 * The script. A connection that comes again after it was lost reloads the page: the server may be another one,
 * and what changed meanwhile was not told.
 */
export const SCRIPT = `(() => {
  const url = new URL(document.currentScript.src);
  const here = url.origin;
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  let wasLost = false;
  let delay = 250;

  const connect = () => {
    const socket = new WebSocket(url, "${RELOAD_PROTOCOL}");
    socket.onopen = () => {
      if (wasLost) location.reload();
    };
    socket.onmessage = ({ data }) => {
      const { styles } = JSON.parse(data);
      if (styles === undefined || !styles.every(exchange)) location.reload();
    };
    socket.onclose = () => {
      wasLost = true;
      setTimeout(connect, delay);
      delay = Math.min(delay * 2, 4000);
    };
  };

  const pathOf = (link) => {
    const { origin, pathname } = new URL(link.href);
    if (origin !== here) return undefined;
    try {
      return decodeURIComponent(pathname);
    } catch {
      return pathname;
    }
  };

  // The new sheet stands beside the old one until it is there, so that the page never is without.
  const exchange = (path) => {
    const links = [...document.querySelectorAll("link[rel~=stylesheet][href]")]
      .filter((link) => pathOf(link) === path && !link.dataset.lwsLeaves);
    for (const link of links) {
      link.dataset.lwsLeaves = "yes";
      const next = link.cloneNode();
      delete next.dataset.lwsLeaves;
      const href = new URL(link.href);
      href.searchParams.set("lws", Date.now());
      next.href = href;
      next.onload = next.onerror = () => link.remove();
      link.after(next);
    }
    return links.length > 0;
  };

  connect();
})();
`;
