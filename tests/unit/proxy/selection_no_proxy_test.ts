import { assertEquals } from "@std/assert";
import { readNoProxy } from "../../../src/proxy/selection.ts";

function assertDirect(list: string, direct: readonly string[], proxied: readonly string[]): void {
  const isDirect = readNoProxy(list);
  const ask = (target: string) => {
    const colon = target.lastIndexOf(":");
    return isDirect(target.slice(0, colon), Number(target.slice(colon + 1)));
  };
  for (const target of direct) assertEquals(ask(target), true, `${list}: ${target}`);
  for (const target of proxied) assertEquals(ask(target), false, `${list}: ${target}`);
}

Deno.test("an empty list names no host", () => {
  for (const list of ["", " ", ",", " , ,\t"]) assertDirect(list, [], ["a:1", "127.0.0.1:1"]);
});

Deno.test("an asterisk is every host", () => {
  for (const list of ["*", "a,*", " * "]) assertDirect(list, ["x:1", "10.0.0.1:1", "[::1]:1"], []);
});

Deno.test("a name is itself and all below it, with and without a leading dot", () => {
  for (
    const list of ["example.com", ".example.com", "*.example.com", "EXAMPLE.com", "example.com."]
  ) {
    assertDirect(
      list,
      ["example.com:80", "a.example.com:443", "a.b.Example.COM:1", "example.com.:1"],
      ["notexample.com:80", "example.com.org:80", "com:80", "xample.com:80"],
    );
  }
  assertDirect("localhost", ["localhost:1", "LOCALHOST:2"], ["127.0.0.1:1"]);
});

Deno.test("commas and blanks part, together too", () => {
  assertDirect("a, b\tc\n,d,,e", ["a:1", "b:1", "c:1", "d:1", "e:1"], ["f:1"]);
});

Deno.test("an address is that address in every form, and no suffix", () => {
  assertDirect("10.0.0.1", ["10.0.0.1:1"], ["10.0.0.11:1", "110.0.0.1:1", "x.10.0.0.1:1"]);
  assertDirect("::1", ["::1:1", "[::1]:1", "0:0::1:1"], ["::2:1"]);
  assertDirect("[::1]", ["[::1]:1"], ["[::2]:1"]);
  assertDirect("0.1", [], ["10.0.0.1:1"]);
});

Deno.test("a range is its addresses, and no names", () => {
  assertDirect(
    "10.0.0.0/8,fd00::/8",
    ["10.1.2.3:1", "[fd12::1]:1", "[::ffff:10.1.1.1]:1"],
    ["11.1.2.3:1", "[fe12::1]:1", "ten.example:1"],
  );
});

Deno.test("an entry with a port is for that port", () => {
  assertDirect(
    "a:80,10.0.0.1:81,[::1]:82,10.0.0.0/8:83,.b:84",
    ["a:80", "x.a:80", "10.0.0.1:81", "[::1]:82", "10.9.9.9:83", "b:84"],
    ["a:81", "10.0.0.1:80", "[::1]:81", "10.9.9.9:84", "b:80"],
  );
  assertDirect("a:65535", ["a:65535"], ["a:1"]);
});

Deno.test("what means nothing names no host, and harms no other entry", () => {
  const list = "a:0,b:65536,c:x,d:,10.0.0.0/33,::/129,[::1,*.*,.,[],<local>,ex*mple,a/b,good";
  assertDirect(list, ["good:1"], ["a:0", "b:1", "c:1", "d:1", "10.0.0.0:1", "[::]:1", "example:1"]);
});
