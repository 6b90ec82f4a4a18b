import { assertEquals, assertFalse, assertThrows } from "@std/assert";
import {
  chooseProxy,
  LONGEST_CREDENTIALS,
  parseProxy,
  ProxySettingsError,
  readEnvironmentProxies,
  readNoProxy,
} from "../../../src/proxy/selection.ts";

Deno.test("a proxy is host:port, in which no port is the default's", () => {
  assertEquals(parseProxy("Proxy.Example:3128"), {
    host: "proxy.example",
    port: 3128,
    credentials: undefined,
  });
  assertEquals(parseProxy("10.0.0.1:1").port, 1);
  assertEquals(parseProxy("10.0.0.1:65535").port, 65_535);
  assertEquals(parseProxy("[::1]:3128"), { host: "::1", port: 3128, credentials: undefined });
  assertEquals(parseProxy("p", 8080).port, 8080);
  assertEquals(parseProxy("p:3128", 8080).port, 3128, "a port in the text wins");
  assertThrows(() => parseProxy("p"), ProxySettingsError, "the proxy's port is missing");
  assertThrows(() => parseProxy("p:"), ProxySettingsError, "the proxy's port is missing");
});

Deno.test("the URL form has port 80 unless it, or the default, says otherwise", () => {
  assertEquals(parseProxy("http://p").port, 80);
  assertEquals(parseProxy("HTTP://p/").port, 80);
  assertEquals(parseProxy("http://p:3128/").port, 3128);
  assertEquals(parseProxy("http://p", 8080).port, 8080);
  assertEquals(parseProxy("http://[2001:db8::1]/"), {
    host: "2001:db8::1",
    port: 80,
    credentials: undefined,
  });
});

Deno.test("credentials stand before the last @, as they are in the bare form", () => {
  assertEquals(parseProxy("user:password@p:1").credentials, "user:password");
  assertEquals(parseProxy("user:p@ss:w/rd%41@p:1").credentials, "user:p@ss:w/rd%41");
  assertEquals(parseProxy("user@p:1").credentials, "user:");
  assertEquals(parseProxy("user:@p:1").credentials, "user:");
  assertEquals(parseProxy(":password@p:1").credentials, ":password");
  assertEquals(parseProxy("@p:1").credentials, ":");
});

Deno.test("credentials of the URL form are percent-decoded, as UTF-8", () => {
  assertEquals(parseProxy("http://us%65r:p%40ss%3Aw%2f@p").credentials, "user:p@ss:w/");
  assertEquals(parseProxy("http://%C3%A4:%E2%82%AC@p").credentials, "ä:€");
  assertThrows(() => parseProxy("http://%zz:a@p"), ProxySettingsError, "broken percent escape");
  assertThrows(() => parseProxy("http://u:%ff@p"), ProxySettingsError, "broken percent escape");
  assertThrows(() => parseProxy("http://u%3a:a@p"), ProxySettingsError, "user name has a colon");
  assertThrows(() => parseProxy("http://u:%0d%0a@p"), ProxySettingsError, "control character");
  assertThrows(() => parseProxy("u:\n@p:1"), ProxySettingsError, "control character");
  assertThrows(() => parseProxy("u:\ud800@p:1"), ProxySettingsError, "half a character");
});

Deno.test("credentials have at most 4,096 bytes in UTF-8, far past the seeds' 93 characters", () => {
  const password = "p".repeat(LONGEST_CREDENTIALS - 2);
  assertEquals(parseProxy(`u:${password}@p:1`).credentials!.length, 4096);
  assertThrows(() => parseProxy(`u:${password}p@p:1`), ProxySettingsError, "more than 4096 bytes");
  const wide = "ä".repeat((LONGEST_CREDENTIALS - 2) / 2);
  assertEquals(parseProxy(`u:${wide}@p:1`).credentials!.length, 2049);
  assertThrows(() => parseProxy(`u:${wide}p@p:1`), ProxySettingsError, "more than 4096 bytes");
});

Deno.test("what names no proxy is refused, and the message keeps the password to itself", () => {
  for (
    const text of ["", ":", ":80", "a b:1", "p:65536", "p:0", "p:x", "p:1:2", "::1:3128", "[::1:1"]
      .concat(["[::g]:1", "[1.2.3.4]:1", "p:1/", "p:1?x", "http://", "http://p/x", "http://p?x"])
      .concat(["http://p#x", "http://p:1//", "http:/p:1", "http://p:x", "ä:1", "p\r\n:1", "a%41:1"])
  ) {
    for (const secret of ["", "hidden:secret@"]) {
      const at = /^http:\/\//.test(text) ? 7 : 0;
      const whole = text.slice(0, at) + secret + text.slice(at);
      const error = assertThrows(() => parseProxy(whole), ProxySettingsError, "", whole);
      assertFalse(/hidden|secret/.test(error.message), error.message);
    }
  }
});

Deno.test("proxies of other kinds are refused by name", () => {
  assertThrows(() => parseProxy("https://p:443"), ProxySettingsError, "TLS to the proxy itself");
  for (const scheme of ["socks5", "socks4a", "ftp", "ws"]) {
    assertThrows(() => parseProxy(`${scheme}://p:1`), ProxySettingsError, `a ${scheme}:// proxy`);
  }
});

/** An environment in which all may be read but what is `null`. */
function environment(variables: Record<string, string | null>) {
  return readEnvironmentProxies((name) => variables[name]);
}

Deno.test("the environment's proxies are read in small letters first, then in capitals", () => {
  const both = environment({
    http_proxy: "small:1",
    HTTP_PROXY: "capital:1",
    https_proxy: "http://s:2",
    HTTPS_PROXY: "t:2",
  });
  assertEquals([both.http?.host, both.https?.host], ["small", "s"]);
  const capitals = environment({ HTTP_PROXY: "capital:1", HTTPS_PROXY: "t:2", NO_PROXY: "x" });
  assertEquals([capitals.http?.host, capitals.https?.host], ["capital", "t"]);
  assertEquals(capitals.noProxy("x", 1), true);
  assertEquals(environment({ no_proxy: "a", NO_PROXY: "b" }).noProxy("b", 1), false);
  const none = environment({});
  assertEquals([none.http, none.https, none.noProxy("x", 1)], [undefined, undefined, false]);
});

Deno.test("a variable that is set to nothing says that there is no proxy", () => {
  const { http, https } = environment({ http_proxy: "", HTTP_PROXY: "p:1", https_proxy: "" });
  assertEquals([http, https], [null, null]);
});

Deno.test("a variable that may not be read is as if it weren't set", () => {
  const proxies = environment({
    http_proxy: null,
    HTTP_PROXY: "p:1",
    no_proxy: null,
    NO_PROXY: "x",
  });
  assertEquals(proxies.http?.host, "p");
  assertEquals(proxies.noProxy("x", 1), true);
  assertEquals(environment({ http_proxy: null, HTTP_PROXY: null }).http, undefined);
});

Deno.test("HTTP_PROXY is a request's header field in a CGI program, and does not count there", () => {
  assertEquals(environment({ HTTP_PROXY: "evil:1", REQUEST_METHOD: "GET" }).http, undefined);
  assertEquals(environment({ HTTP_PROXY: "evil:1", REQUEST_METHOD: "" }).http, undefined);
  assertEquals(environment({ HTTP_PROXY: "evil:1", REQUEST_METHOD: null }).http, undefined);
  assertEquals(environment({ http_proxy: "p:1", REQUEST_METHOD: "GET" }).http?.host, "p");
  assertEquals(environment({ HTTPS_PROXY: "p:1", REQUEST_METHOD: "GET" }).https?.host, "p");
});

Deno.test("a variable that names no proxy is named", () => {
  assertThrows(
    () => environment({ http_proxy: "p" }),
    ProxySettingsError,
    "http_proxy: the proxy's",
  );
  assertThrows(
    () => environment({ HTTPS_PROXY: "socks://p:1" }),
    ProxySettingsError,
    "HTTPS_PROXY: a",
  );
});

const SET = parseProxy("set:1");
const INFO = parseProxy("info:1");
const plain = { host: "h", port: 80, isSecure: false };
const secure = { host: "h", port: 443, isSecure: true };

Deno.test("setProxy is before the struct, and that before the environment", () => {
  const env = environment({ http_proxy: "env:1" });
  assertEquals(chooseProxy(plain, { set: SET, info: INFO, environment: env }), SET);
  assertEquals(chooseProxy(plain, { info: INFO, environment: env }), INFO);
  assertEquals(chooseProxy(plain, { environment: env })?.host, "env");
  assertEquals(chooseProxy(plain, {}), undefined);
});

Deno.test("no_proxy speaks of the environment's proxies alone", () => {
  const env = environment({ http_proxy: "env:1", no_proxy: "h:80" });
  assertEquals(chooseProxy(plain, { environment: env }), undefined);
  assertEquals(chooseProxy(secure, { environment: env })?.host, "env", "another port");
  assertEquals(chooseProxy(plain, { info: INFO, environment: env }), INFO);
});

Deno.test("TLS goes by https_proxy, and by http_proxy only where that isn't set", () => {
  const both = environment({ http_proxy: "a:1", https_proxy: "b:1" });
  assertEquals(chooseProxy(plain, { environment: both })?.host, "a");
  assertEquals(chooseProxy(secure, { environment: both })?.host, "b");
  assertEquals(chooseProxy(secure, { environment: environment({ http_proxy: "a:1" }) })?.host, "a");
  const none = environment({ http_proxy: "a:1", https_proxy: "" });
  assertEquals(chooseProxy(secure, { environment: none }), undefined);
  assertEquals(chooseProxy(plain, { environment: environment({ https_proxy: "b:1" }) }), undefined);
});

Deno.test("a proxy's IPv6 address may have a zone, and needs no brackets where it is alone", () => {
  const host = (text: string) => parseProxy(text, 3128);
  const proxy = (host: string, port: number, credentials?: string) => ({ host, port, credentials });
  assertEquals(host("[fe80::1%eth0]:8080"), proxy("fe80::1%eth0", 8080));
  assertEquals(host("[FE80::1%Eth0]"), proxy("FE80::1%Eth0", 3128));
  assertEquals(host("http://u:p@[fe80::1%25eth0]:80/"), proxy("fe80::1%eth0", 80, "u:p"));
  assertEquals(host("::1"), proxy("::1", 3128));
  assertEquals(host("fe80::1%eth0"), proxy("fe80::1%eth0", 3128));
  assertThrows(() => parseProxy("::1"), ProxySettingsError, "port is missing");
  for (const text of ["[fe80::1%]:80", "[fe80::1%a]x", "[a%b]:80", "a%b:80"]) {
    assertThrows(() => host(text), ProxySettingsError);
  }
});

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
