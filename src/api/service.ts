/** What a context and a program's own event loop tell each other (`struct lws_pollargs`, `lws_pollfd`). */

/**
 * There is something to read, or the peer has closed. A bit of `events` and `revents`, as in poll(2).
 *
 * @category Service
 */
export const POLLIN = 1;
/**
 * It can be written to; as in poll(2).
 *
 * @category Service
 */
export const POLLOUT = 4;
/**
 * It is broken; reported in `revents` whether asked for or not, as in poll(2).
 *
 * @category Service
 */
export const POLLERR = 8;
/**
 * It is closed; reported in `revents` whether asked for or not, as in poll(2).
 *
 * @category Service
 */
export const POLLHUP = 16;

/**
 * Which descriptor to watch, and for what (`struct lws_pollargs`): the `data` of `addPollFd` and its like.
 *
 * @category Service
 */
export interface PollArgs {
  /** A descriptor of the context, as {@linkcode Wsi.socketFd}. */
  readonly fd: number;
  /** What to watch for from now on: {@linkcode POLLIN} and {@linkcode POLLOUT}, or 0. */
  readonly events: number;
  /** What was watched for before; other than `events` in `changeModePollFd` only. */
  readonly prevEvents: number;
}

/**
 * What is about to be done, or was done, to the table of connections: the `data` of `lockPoll` and
 * `unlockPoll`.
 *
 * @category Service
 */
export interface PollLock extends PollArgs {
  /** Whether a connection enters or leaves it; else only what is watched for changes. */
  readonly isTableChange: boolean;
}

/**
 * One entry of a program's own poll array (`struct lws_pollfd`); `context.poll` and `context.serviceFd`
 * change `revents`.
 *
 * @category Service
 */
export interface PollFd {
  /**
   * A descriptor of the context, or anything else for the program's own; where descriptors are real, any of the
   * process.
   */
  readonly fd: number;
  /** What the program waits for. */
  events: number;
  /** What has happened. */
  revents: number;
}

/**
 * A source of time. Implemented by the runtime's clock, the default, and by `FakeClock` of
 * `@x/lws/testing`, which tests move; called by a context for each of its timeouts.
 *
 * @category Networks and clocks
 */
export interface Clock {
  /** Milliseconds from an arbitrary start; never goes backwards. */
  now(): number;
  /** Calls `callback` once, when at least `delayMs` milliseconds have gone by. */
  setTimer(callback: () => void, delayMs: number): unknown;
  /** Takes back what `setTimer` returned; harmless when it has run. */
  clearTimer(timer: unknown): void;
  /**
   * Sets whether a timer that waits keeps the program from ending, as it does at first. Left out where
   * timers never do.
   */
  keepAlive?(timer: unknown, keeps: boolean): void;
  /** Whether due timers wait until the program calls for them. Default: `false`. */
  readonly isServiced?: boolean;
  /** Whether it moves only when a test says so, and no budget of time is ever used up. Default: `false`. */
  readonly standsStill?: boolean;
}
