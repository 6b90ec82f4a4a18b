/** Arguments and interfaces as Web IDL has them. */

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { LwsError } from "../../../mod.ts";
import {
  clampToShort,
  isBinary,
  makeInterface,
  optionsOf,
  protocolsOf,
  sizeOf,
} from "../../../src/websocket_client/web_idl.ts";

Deno.test("numbers are clamped to 16 bits and rounded", () => {
  const cases: [unknown, number][] = [
    [1000, 1000],
    [NaN, 0],
    ["x", 0],
    [null, 0],
    [-5, 0],
    ["3000", 3000],
    [2999.6, 3000],
    [66_536, 65_535],
    [Infinity, 65_535],
  ];
  for (const [value, clamped] of cases) assertEquals(clampToShort(value), clamped, `${value}`);
});

Deno.test("the second argument is a name, a sequence, or a bag of options", () => {
  const options = { origin: "x" };
  assertStrictEquals(optionsOf(options), options);
  assertEquals(optionsOf("a"), { protocols: "a" });
  assertEquals(optionsOf(["a", "b"]), { protocols: ["a", "b"] });
  assertEquals([optionsOf(undefined), optionsOf(null)], [{}, {}]);
  assertEquals(optionsOf(5 as never), { protocols: "5" });
  assertEquals(protocolsOf(new Set(["a", 5])), ["a", "5"]);
  assertEquals([protocolsOf("a,b"), protocolsOf(undefined)], [["a,b"], []]);
  assertThrows(() => protocolsOf({}), LwsError, "protocols is {…}");
});

Deno.test("what is binary has the size of its bytes, and all else that of its UTF-8", () => {
  const bytes = new Uint16Array(3);
  for (const data of [bytes, bytes.buffer, new DataView(bytes.buffer), new Blob([bytes])]) {
    assertEquals([isBinary(data), sizeOf(data)], [true, 6]);
  }
  assertEquals([isBinary("x"), isBinary({ byteLength: 5 }), isBinary(null)], [false, false, false]);
  assertEquals([sizeOf("ü\uD800"), sizeOf("")], [5, 0]);
});

Deno.test("an interface has constants that stay, and members that a loop shows", () => {
  class Lamp {
    declare static readonly ON: number;
    declare readonly ON: number;
    get colour() {
      return "red";
    }
    set colour(_value) {}
    light() {}
    addEventListener() {}
  }
  makeInterface(Lamp, { ON: 1 });
  const seen: string[] = [];
  for (const name in Object.create(Lamp.prototype)) seen.push(name);
  assertEquals(seen.sort(), ["ON", "colour", "light"]);
  for (const owner of [Lamp, Lamp.prototype]) {
    assertEquals(owner.ON, 1);
    assertThrows(() => Object.assign(owner, { ON: 2 }), TypeError);
  }
});
