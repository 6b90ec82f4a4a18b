/** What the test server's own loop watches, and where each descriptor stands in its table. */

import { type lws_pollargs, type lws_pollfd } from "@x/lws/compat";

export const pollfds: lws_pollfd[] = [];
const fd_lookup = new Map<number, number>();

export function add_poll_fd({ fd, events }: lws_pollargs): void {
  fd_lookup.set(fd, pollfds.length);
  pollfds.push({ fd, events, revents: 0 });
}

export function del_poll_fd({ fd }: lws_pollargs): void {
  const m = fd_lookup.get(fd)!;
  // The last one takes its place.
  const last = pollfds.pop()!;
  fd_lookup.delete(fd);
  if (last.fd === fd) return;
  pollfds[m] = last;
  fd_lookup.set(last.fd, m);
}

export function change_mode_poll_fd({ fd, events }: lws_pollargs): void {
  pollfds[fd_lookup.get(fd)!]!.events = events;
}
