/** The events of `struct pollfd`. */

export { POLLERR, POLLHUP, POLLIN, POLLOUT } from "../../api/service.ts";
