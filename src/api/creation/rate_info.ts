/** What becomes of a WebSocket that is too fast: a member of the creation struct. */

/**
 * What is done about more than {@linkcode Limits.maxMessagesPerSecond} or {@linkcode Limits.maxBytesPerSecond}.
 *
 * - `"pause"`: nothing more is read until the rate is kept on average, so that the peer has to wait as its writes
 *   do. Nothing is lost.
 * - `"close"`: it is closed with 1008 and the cause `"limit"`, and what was too much is not delivered.
 *
 * @category Server and client
 */
export type RateExcess = "pause" | "close";

/**
 * The member of the creation struct for rates.
 *
 * @category Server and client
 */
export interface RateInfo {
  /** What becomes of a WebSocket whose peer sends too fast. Default: `"pause"`. */
  readonly rateExcess?: RateExcess;
}
