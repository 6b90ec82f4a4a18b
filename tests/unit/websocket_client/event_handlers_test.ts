/** Handler attributes on any event target. */

import { assertEquals } from "@std/assert";
import { EventHandlers } from "../../../src/websocket_client/event_handlers.ts";

Deno.test("a handler that is never set adds no listener, and null twice is no matter", () => {
  const target = new EventTarget();
  const handlers = new EventHandlers(target);
  assertEquals(handlers.get("open"), null);
  handlers.set("open", null);
  assertEquals(target.dispatchEvent(new Event("open", { cancelable: true })), true);
});

Deno.test("a handler that is replaced while its event is told is the one that is called", () => {
  const target = new EventTarget();
  const handlers = new EventHandlers(target);
  const heard: string[] = [];
  target.addEventListener("open", () => handlers.set("open", () => heard.push("new")));
  handlers.set("open", () => heard.push("old"));
  target.dispatchEvent(new Event("open"));
  assertEquals(heard, ["new"]);
});

Deno.test("handlers of different types don't meet", () => {
  const target = new EventTarget();
  const handlers = new EventHandlers(target);
  const heard: string[] = [];
  for (const type of ["open", "close"]) handlers.set(type, () => heard.push(type));
  handlers.set("open", undefined);
  target.dispatchEvent(new Event("open"));
  target.dispatchEvent(new Event("close"));
  assertEquals(heard, ["close"]);
});

Deno.test("only false cancels, and nothing that is like it", () => {
  const target = new EventTarget();
  const handlers = new EventHandlers(target);
  for (const result of [false, undefined, null, 0, ""]) {
    handlers.set("open", () => result);
    const event = new Event("open", { cancelable: true });
    assertEquals(target.dispatchEvent(event), result !== false, `${result}`);
  }
});
