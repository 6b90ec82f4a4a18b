/** The contract of servicing: which work of connections runs when. */

/** Something of one descriptor that waits to be done. Implemented by Connection and PolledTransport. */
export interface Serviceable {
  /** The descriptor that it belongs to. */
  readonly socketFd: number;
  service(): void;
}

/**
 * Decides when the work that connections asked for is done, and when what happened is told. Implemented by
 * AutomaticScheduler and PolledService.
 */
export interface Scheduler {
  /**
   * Calls `task.service()` in a turn of its own, in the order of the requests.
   *
   * @param events What the descriptor must be ready for: `POLLIN` or `POLLOUT`.
   */
  request(task: Serviceable, events: number): void;
  /** As {@linkcode request}, for what has just happened by itself and needs no turn of its own. */
  arrived(task: Serviceable, events: number): void;
  /** Calls `task.service()` soon, and not within the work that asks for it. */
  soon(task: Serviceable): void;
  /** Whether something that has happened to a descriptor waits for the program to call for service. */
  hasToTell(socketFd: number): boolean;
  /** Forgets what was requested; later requests are ignored. */
  stop(): void;
}

/**
 * The *automatic* policy: what happened is told at once, and whatever was requested is done in one
 * macrotask of the runtime, so that a callback that asks again and again never starves the sockets.
 */
export class AutomaticScheduler implements Scheduler {
  #requested: Serviceable[] = [];
  #running: Serviceable[] = [];
  #immediate: ReturnType<typeof setImmediate> | undefined;
  #stopped = false;

  request(task: Serviceable): void {
    if (this.#stopped) return;
    this.#requested.push(task);
    this.#immediate ??= setImmediate(this.#run);
  }

  arrived(task: Serviceable): void {
    task.service();
  }

  soon(task: Serviceable): void {
    queueMicrotask(() => task.service());
  }

  hasToTell(): boolean {
    return false;
  }

  stop(): void {
    this.#stopped = true;
    this.#requested.length = 0;
    this.#running.length = 0;
    clearImmediate(this.#immediate);
    this.#immediate = undefined;
  }

  readonly #run = (): void => {
    this.#immediate = undefined;
    const tasks = this.#requested;
    this.#requested = this.#running;
    this.#running = tasks;
    let failure: { error: unknown } | undefined;
    for (let i = 0; i < tasks.length; i++) {
      // A fault in one task must not cost the others their turn; it comes out after them.
      try {
        tasks[i]!.service();
      } catch (error) {
        failure ??= { error };
      }
    }
    tasks.length = 0;
    if (failure !== undefined) throw failure.error;
  };
}
