/**
 * Loaded before all tests: with `LWS_NETWORK=epoll` whatever uses the system's sockets by default does so by
 * the epoll network. Each test module loads it anew, so that it has nothing to load itself otherwise.
 */

const wanted = Deno.env.get("LWS_NETWORK");

if (wanted === "epoll") await import("./over_epoll.ts");
else if (wanted !== undefined) throw new Error(`LWS_NETWORK is ${wanted}; it can be "epoll"`);

// It is a module by that.
export {};
