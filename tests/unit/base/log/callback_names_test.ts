import { assertEquals } from "@std/assert";
import { nameOf, setNames } from "../../../../src/base/log/callback_names.ts";

Deno.test("a reason has the name that the program wrote, and else its own", () => {
  const callback = () => {};
  assertEquals(nameOf({ callback }, "receive"), "receive");
  setNames(callback, new Map([["receive", { name: "message" }]]));
  assertEquals([nameOf({ callback }, "receive"), nameOf({ callback }, "http")], [
    "message",
    "http",
  ]);
});
