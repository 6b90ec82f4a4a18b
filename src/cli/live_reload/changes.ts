/** Tells pages what has changed in a folder: at once what one save or one build has written. */

import type { TopicPublisher } from "../../api/topics/topics.ts";
import type { Clock } from "../../api/service.ts";
import type { CliWatch } from "../host.ts";
import type { Report } from "../report.ts";
import { CHANGES } from "./protocol.ts";
import type { Change } from "./script.ts";

/** Milliseconds of quiet behind which a change is whole. */
const QUIET_MS = 60;
/** Milliseconds after which one that goes on and on is told all the same. */
const LONGEST_MS = 1_000;
/** Style sheets that a page exchanges by their paths; when more have changed, it is loaded anew. */
const MOST_STYLES = 32;

/** A name that no page is made of: with a dot in front it isn't served, with a tilde behind it is a backup. */
const UNSERVED = /(?:^|\/)\.|~$/;

/** Gathers the changes of a folder, and publishes them. */
export class ChangeTeller {
  readonly #publisher: TopicPublisher;
  readonly #clock: Clock;
  readonly #report: Report;
  /** What has changed, without a slash in front. */
  #paths = new Set<string>();
  #since = 0;
  #timer: unknown;

  constructor(publisher: TopicPublisher, clock: Clock, report: Report) {
    this.#publisher = publisher;
    this.#clock = clock;
    this.#report = report;
  }

  /** Goes on until the watch is closed. */
  async follow(watch: CliWatch): Promise<void> {
    try {
      for await (const paths of watch) this.#note(paths);
    } finally {
      this.#clock.clearTimer(this.#timer);
    }
  }

  #note(paths: readonly string[]): void {
    const served = paths.filter((path) => path !== "" && !UNSERVED.test(path));
    if (served.length === 0) return;
    const now = this.#clock.now();
    if (this.#paths.size === 0) this.#since = now;
    for (const path of served) this.#paths.add(path);
    this.#clock.clearTimer(this.#timer);
    const delay = Math.min(QUIET_MS, Math.max(0, this.#since + LONGEST_MS - now));
    this.#timer = this.#clock.setTimer(() => this.#tell(), delay);
  }

  #tell(): void {
    const paths = [...this.#paths];
    this.#paths = new Set();
    const areStyles = paths.length <= MOST_STYLES && paths.every((path) => path.endsWith(".css"));
    const change: Change = areStyles ? { styles: paths.map((path) => `/${path}`) } : {};
    const more = paths.length > 1 ? ` and ${paths.length - 1} more` : "";
    this.#report.detail(`${paths[0]}${more} changed`);
    void this.#publisher.publish(CHANGES, JSON.stringify(change));
  }
}
