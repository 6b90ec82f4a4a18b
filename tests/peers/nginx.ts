/** nginx, as the tests start it. */

import { type Front, front } from "./front.ts";
import { NGINX } from "./peer.ts";

/** What an `http` block of nginx begins with, so that nothing is written outside its folder. */
export const HTTP_SETTINGS = `access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;`;

/** Starts nginx as one process, which writes nothing outside its folder. */
export function nginx(blocks: (port: number) => string, load = ""): Promise<Front> {
  return front({
    program: NGINX,
    config: (port, folder) =>
      `${load}
daemon off;
master_process off;
pid ${folder}/pid;
error_log ${folder}/error.log;
events { worker_connections 64; }
${blocks(port)}`,
    // Until it has read the file it would log to Debian's place.
    args: (file, folder) => ["-c", file, "-p", folder, "-e", `${folder}/error.log`],
  });
}
