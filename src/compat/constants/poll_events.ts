/** The events of `struct pollfd`. */

export { POLLERR, POLLHUP, POLLIN, POLLOUT } from "../../service/polling.ts";
