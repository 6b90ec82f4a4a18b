/** nginx as a server of files, in one process, as the others are. */

import { freePort } from "../../tests/support/free_port.ts";

/** Says where it will listen, as the others do, and becomes nginx. */
const ANNOUNCE = 'echo "listening on ws://127.0.0.1:$1"; shift; exec "$@"';

/** The command for the files of a folder; its own files go to the folder beside them. */
export async function nginxServing(program: string, folder: string): Promise<readonly string[]> {
  const own = `${folder}.nginx`;
  const port = freePort();
  await Deno.mkdir(own, { recursive: true });
  await Deno.writeTextFile(`${own}/nginx.conf`, configuration(port, folder, own));
  const nginx = [program, "-c", `${own}/nginx.conf`, "-p", own, "-e", `${own}/error.log`];
  return ["sh", "-c", ANNOUNCE, "sh", String(port), ...nginx];
}

/** `keepalive_requests` is 1,000 otherwise, after which it closes. */
function configuration(port: number, folder: string, own: string): string {
  return `daemon off;
master_process off;
pid ${own}/pid;
error_log ${own}/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {
    listen 127.0.0.1:${port};
    root ${folder};
  }
}`;
}
