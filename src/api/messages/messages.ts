/** Messages by promises: what a connection is awaited for. */

import type { PreparedMessage, WriteKind, WriteOptions } from "../write.ts";

/**
 * Messages in a loop, and a write that is waited for: members of {@linkcode Wsi} for established WebSockets, on
 * servers and on clients.
 *
 * @category Connections
 *
 * @example A server that answers one message after the other
 * ```ts
 * import { createContext, handlers, type Wsi } from "@x/lws";
 *
 * async function serve(wsi: Wsi): Promise<void> {
 *   for await (const message of wsi.messages()) await wsi.send(message);
 * }
 *
 * await using context = createContext({
 *   port: 0,
 *   iface: "127.0.0.1",
 *   protocols: [{ name: "echo", callback: handlers({ established: (wsi) => serve(wsi) }) }],
 * });
 * const peer = new WebSocket(`ws://127.0.0.1:${context.port}`, "echo");
 * peer.onopen = () => peer.send("hello");
 * const answer = await new Promise((resolve) => peer.onmessage = ({ data }) => resolve(data));
 * if (answer !== "hello") throw new Error("no echo");
 * const closed = new Promise((resolve) => peer.onclose = resolve);
 * peer.close();
 * await closed;
 * ```
 */
export interface MessageMember {
  /**
   * The messages that come from now on, each of them whole: a string for text, a `Uint8Array` of its own for
   * binary. They come here in place of `receive`, `clientReceive` and `message`; all other reasons go on, and so
   * do pings, which are answered. One whose first piece came before the call goes to the callback to its end.
   * A message above `maxMessageSize` closes the connection with 1009.
   *
   * While the loop works the peer waits: of what comes meanwhile one read is taken, and of that about 64 KiB of
   * messages, as if by `rxFlowControl(false)` but apart from it; input goes on when the loop has taken all of
   * them and asks for the next. So a loop that waits for something for long leaves the peer's pings unanswered, and its
   * close frame unread, which comes behind the messages that came before it. What the loop does with messages that are
   * there already counts as work of its connection: `next` resolves in a later turn of the event loop when the
   * time that all connections share is used up.
   *
   * The loop ends when the connection has closed with 1000, 1001 or without a code (1005), whichever end began,
   * behind the messages that came before. Of a connection that has gone it ends at once. Where the loop ends itself, by
   * `break`, `return` or an error, the connection stays open, and what comes goes to the callback again, in order with
   * what the loop has not taken; a loop that begins at once behind it goes on with that in place of the callback.
   *
   * @returns An iterator that can be iterated once. Calls of its `next` are answered in their order.
   * @throws {LwsError} `invalid-state` when the connection is no established WebSocket, or a loop over its
   *   messages goes on already. By a rejection of `next`, `connection-closed` when it has closed with any other code; the
   *   error's `cause` is the {@linkcode CloseInfo}.
   *
   * @example The first message says who comes
   * ```ts
   * import { handlers, type Wsi } from "@x/lws";
   *
   * async function greet(wsi: Wsi): Promise<void> {
   *   for await (const name of wsi.messages()) {
   *     wsi.write(`hello, ${name}`);
   *     break;
   *   }
   * }
   *
   * const callback = handlers({
   *   established: (wsi) => greet(wsi),
   *   message: (wsi, _user, message) => void wsi.write(message), // all but the first
   * });
   * ```
   */
  messages(): AsyncIterableIterator<string | Uint8Array, undefined>;
  /**
   * As {@linkcode Wsi.write}, and resolves when all that was written up to and with this has left for the
   * transport: a program that awaits it sends as fast as the peer reads, and nothing is queued without a bound.
   * When the time that all connections share in a turn of the event loop is used up, it resolves in a later one.
   * That the peer's program has it, it does not say. With `service: "manual"` and `"external"` it leaves in service.
   *
   * A rejection that the program does not look at ends nothing; the log has it as an `info` line.
   *
   * @param kind Left out: `"text"` for a string, `"binary"` for bytes.
   * @throws {LwsError} By a rejection: `connection-closed` when the connection ends before it has left, whose
   *   {@linkcode CloseInfo} is the error's `cause` if it was established, and when it is closing or could not
   *   take it; `invalid-state` when it is no established WebSocket; `invalid-argument` for a kind of HTTP; and
   *   whatever `write` throws.
   *
   * @example
   * ```ts
   * import { handlers, type Wsi } from "@x/lws";
   *
   * async function count(wsi: Wsi): Promise<void> {
   *   for (let i = 0; i < 1_000_000; i++) await wsi.send(`${i}`);
   *   wsi.close(1000);
   * }
   *
   * const callback = handlers({ established: (wsi) => count(wsi) });
   * ```
   */
  send(
    data: string | ArrayBufferView | ArrayBufferLike | PreparedMessage,
    kind?: WriteKind,
    options?: WriteOptions,
  ): Promise<void>;
}
