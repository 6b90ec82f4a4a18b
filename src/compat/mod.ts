/**
 * The C names of libwebsockets, for programs that are ported line by line: the names of December 2015
 * (release 1.6) here, and all five generations of the library in namespaces and as entry points of
 * their own, such as `@x/lws/compat/mar13`. A generation has the names, the arguments, the numbers and
 * the return values that it had.
 *
 * What stands for C's pointers, in all generations:
 *
 * - `NULL` is `null`. `char *` is a string, `unsigned char *` with a length a `Uint8Array`, from which
 *   as many bytes are taken as the length says; what is only read may be another view, a buffer or a
 *   string as well. A string's length is that of its UTF-8, as `strlen` tells it; its own `length` takes
 *   all of it, too.
 * - An argument that a call sets is a {@linkcode Box}: `const name = box("")` in place of
 *   `char name[128]`, with the size beside it as in C. `unsigned char **` is a box with a view, which
 *   the call moves on; a pointer to the end is a view that begins there.
 * - `void *user` is a zeroed `ArrayBuffer` of `per_session_data_size` bytes, or what the function makes
 *   that is given in its place; null when there is none.
 * - `void *in` is what the reason has: bytes, a path, a name, an {@linkcode lws_pollargs}, a
 *   {@linkcode HandshakeLines}. Bytes are valid during the callback. `len` is its length.
 * - `SSL_CTX *`, as the `user` of the reasons that fill one, is an object to fill: a {@linkcode
 *   TrustLoader}, whose `addCaCert(pem)` and `addCaFile(path)` take authorities to trust, in
 *   `LWS_CALLBACK_OPENSSL_LOAD_EXTRA_…_VERIFY_CERTS`; a {@linkcode PrivateKeyLoader}, whose
 *   `setPrivateKey(pem, passphrase)` takes the key, in `…_CONTEXT_REQUIRES_PRIVATE_KEY`.
 * - `X509_STORE_CTX *` is the client's {@linkcode PeerCertificate}, and `SSL *` the {@linkcode TlsInfo} of
 *   the connection, null without TLS.
 * - Over `overNetwork(epollNetwork({ tls: "openssl" }), …)` the reasons `LWS_CALLBACK_OPENSSL_…` have OpenSSL's
 *   pointers in place of these: `SSL_CTX *`, `X509_STORE_CTX *` and `SSL *`, each a `Deno.PointerObject` for
 *   functions that the program opens by `Deno.dlopen("libssl.so.3", …)`. They are valid during their callback.
 *   `…_LOAD_EXTRA_SERVER_VERIFY_CERTS` comes for each `SSL_CTX`, and so again where certificates are changed.
 * - Arrays end with an entry whose callback is null, or just end.
 * - Contexts and connections are those of `@x/lws`: its methods and getters can be mixed in.
 *
 * What is different from C, in all generations:
 *
 * - `lws_service` returns a promise in place of blocking: `while (n >= 0) n = await lws_service(context,
 *   50)`. Nothing is delivered in between, as in C. Over `@x/lws/epoll` it blocks, and the loop runs without
 *   the `await`: `const context = overNetwork(epollNetwork(), () => lws_create_context(info))`. TLS goes on there
 *   by `epollNetwork({ tls: "openssl" })`. `lws_context_destroy` returns one as well, for the end of all
 *   connections, and so does `poll` with another timeout than 0.
 * - A callback can't await: a promise that it returns counts as 0, whatever becomes of it, and the log
 *   says so.
 * - The drafts before RFC 6455 are spoken by the generations that spoke them: 2010 has hixie-76, 2011 the
 *   versions 0, 4 and 5, 2012 0 and 4 to 8, and both have 13, which −1 is in all of them. Since 2013 there is 13
 *   alone. `versions` among the limits says otherwise; `docs/porting.md` has more of it.
 * - Files of more than 64 KiB are sent in the background: serving one returns 0, which means "started".
 * - There are limits, most of them generous: `limits` of the creation struct, or the argument behind
 *   those of C in older calls, sets others.
 * - What can't be done is refused, with null or −1 and a line in the log that names the argument: a
 *   list of ciphers without OpenSSL.
 * - Wrong arguments, which C did not look at, return what failure was in C, and a line in the log names
 *   them: a null connection, a `len` beyond the end of `buf`, a number that no constant has. Members of
 *   the creation struct that there are not are refused.
 * - A server's certificate has to be for the host that a client asked for, which C did not look at; also
 *   with `ssl_connection` 2, which forgives that it is self-signed and nothing else.
 * - `LWS_CALLBACK_OPENSSL_LOAD_EXTRA_CLIENT_VERIFY_CERTS` comes with the first client that wants TLS.
 *   `…_PERFORM_CLIENT_CERT_VERIFICATION` comes once for a client and not for each certificate of its
 *   chain, and knows its connection. Both come during handshakes, which go on between calls of service
 *   as well. As in C, 0 lets a client in whatever its certificate: a server that asks for certificates
 *   has to handle that reason, by `return len ? 0 : 1`.
 * - A callback that throws closes its connection, and the log says so.
 * - Pages of every origin may connect, as then; look at `WSI_TOKEN_ORIGIN` in a filter.
 * - Where C passed a null connection, as for `LWS_CALLBACK_PROTOCOL_INIT`, there is one that knows its
 *   context only.
 *
 * Without a meaning here, and left out: `lws_daemonize` (a service manager does it), `lws_set_allocator`,
 * `lws_read` (bytes come by service), `lws_serve_http_file_fragment` (files go on by themselves), and
 * `lwsl_emit_syslog`: give `lws_set_log_level` a function that calls `logger`.
 *
 * @example An echo
 * ```ts
 * import {
 *   LWS_CALLBACK_RECEIVE,
 *   LWS_WRITE_TEXT,
 *   type lws,
 *   lws_context_destroy,
 *   lws_create_context,
 *   lws_service,
 *   lws_write,
 * } from "@x/lws/compat";
 *
 * const context = lws_create_context({
 *   port: 0,
 *   protocols: [{
 *     name: "echo",
 *     callback(wsi: lws, reason: number, _user: ArrayBuffer | null, input: Uint8Array, len: number) {
 *       if (reason === LWS_CALLBACK_RECEIVE) lws_write(wsi, input, len, LWS_WRITE_TEXT);
 *       return 0;
 *     },
 *   }],
 * });
 * if (context === null) throw new Error("libwebsocket init failed");
 * await lws_service(context, 0);
 * await lws_context_destroy(context);
 * ```
 *
 * @module
 */

export * from "./dec15.ts";
export * as nov10 from "./nov10.ts";
export * as feb11 from "./feb11.ts";
export * as oct12 from "./oct12.ts";
export * as mar13 from "./mar13.ts";
export * as dec15 from "./dec15.ts";
