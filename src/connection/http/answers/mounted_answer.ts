/** Answers a request from a mount, or lets it go on to the program. */

import type { HttpResponse } from "../response.ts";
import type { RequestHead } from "../../../core/http/head.ts";
import { LISTING_FIELDS } from "../../../files/listing.ts";
import { lookUp, type MountAnswer } from "../../../files/lookup.ts";
import type { CheckedMount } from "../../../files/mounts.ts";

/** Whether mounts answer requests of this method, in capitals. */
export function isForMounts(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

/**
 * Answers with what a mount has; a method that it doesn't take is answered 405.
 *
 * @param passOn Called when it has nothing, as if nothing had begun.
 */
export function askMount(
  mount: CheckedMount,
  head: RequestHead,
  response: HttpResponse,
  passOn: () => void,
): void {
  const { method, path, target, uriArgs, fields } = head;
  if (!isForMounts(method)) {
    response.turnAway(405, [["allow", "GET, HEAD"]]);
    response.complete();
    return;
  }
  response.isMounted = true;
  const onNothing = () => {
    response.isMounted = false;
    passOn();
  };
  const acceptEncoding = fields.get("accept-encoding");
  const found = lookUp(mount, { path, target, uriArgs, acceptEncoding }, response.budget);
  if ("kind" in found) answer(response, found, onNothing);
  else response.waitFor(found, (late) => answer(response, late, onNothing));
}

function answer(response: HttpResponse, found: MountAnswer, onNothing: () => void): void {
  switch (found.kind) {
    case "none":
      return onNothing();
    case "file":
      return response.serveFound(found, onNothing);
    case "redirect":
      response.returnStatus(301, undefined, [["location", found.location]]);
      break;
    case "unacceptable":
      response.turnAway(406, [["vary", "accept-encoding"]]);
      break;
    case "unavailable":
      response.turnAway(503);
      break;
    case "page": {
      const page = found.html;
      response.writeHeaders(200, [...LISTING_FIELDS, ["content-length", String(page.length)]]);
      response.write(page, "http");
    }
  }
  response.complete();
}
