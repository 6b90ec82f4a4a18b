/** The platform's own WebSocket, as a client that tests talk by. */

/** A WebSocket of the platform's, with its messages in order. */
export async function connect(
  url: string,
  protocol: string | string[] | { headers: HeadersInit } = [],
) {
  // A browser's types, which come with the site's scripts, know no fields.
  const socket = new WebSocket(url, protocol as string[]);
  const messages: string[] = [];
  const waiting: (() => void)[] = [];
  socket.onmessage = (event) => {
    messages.push(event.data);
    for (const wake of waiting.splice(0)) wake();
  };
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  return {
    socket,
    messages,
    closed,
    async until(found: (messages: readonly string[]) => boolean) {
      while (!found(messages)) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    async close() {
      socket.close();
      await closed;
    },
  };
}
