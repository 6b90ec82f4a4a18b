/** The choice of a subprotocol (RFC 6455 section 4.2.2, /subprotocol/). */

/**
 * The first of the client's subprotocols, in its order of preference, that `supported` knows;
 * `undefined` when there is none. Names are compared with their case.
 */
export function chooseSubprotocol(
  offered: readonly string[],
  supported: (name: string) => boolean,
): string | undefined {
  return offered.find((name) => supported(name));
}
