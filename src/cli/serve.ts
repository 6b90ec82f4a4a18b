/** `lws serve FOLDER`: files over HTTP, and pages that load themselves anew when something changes. */

import { LwsError } from "../base/errors.ts";
import { createContext } from "../context/face.ts";
import type { Arguments, Manual } from "./arguments.ts";
import type { Command } from "./command.ts";
import { listeningMembers, listeningRules, urlOf } from "./listening.ts";
import { reloadProtocol } from "./live_reload/protocol.ts";
import { ChangeTeller } from "./live_reload/changes.ts";
import { type Report, untilAborted } from "./report.ts";

const PORT = 8080;

const manual: Manual = {
  name: "serve",
  operand: "FOLDER",
  isOptional: true,
  summary: "Serves the files of a folder, by default the one it is started in, until Ctrl-C.",
  about: [
    "Pages load themselves anew when a file changes; style sheets are exchanged in place. A page gets a",
    "line for that before </body>. Names that begin with a dot are not there, and no link leads out.",
  ],
  options: {
    ...listeningRules(PORT),
    reload: { isOn: true, about: "leave pages as they are, and watch nothing" },
    listing: { isOn: true, about: "no list of what is in a folder without index.html" },
  },
  examples: [
    ["lws serve", `the folder it is started in, on http://127.0.0.1:${PORT}/`],
    ["lws serve public --port 3000 --no-reload", "just the files"],
    ["lws serve public --host 0.0.0.0", "for other machines as well"],
  ],
};

async function run(args: Arguments, report: Report): Promise<number> {
  const { host } = report;
  const folder = args.operand ?? ".";
  const reloads = args.choice("reload") ?? true;
  const listing = args.choice("listing") ?? true;
  if (reloads && host.watch === undefined) {
    throw new LwsError(
      "unsupported",
      "this runtime can't watch files, as live reload needs; --no-reload serves without it",
    );
  }
  const mount = { path: "/", folder, listing, cacheControl: "no-cache" };
  await using context = createContext({
    ...listeningMembers(args, host, PORT),
    mounts: [mount],
    compression: true,
    protocols: reloads ? [reloadProtocol(mount)] : [],
  });
  const served = `serving ${urlOf("http", args, context)}`;
  if (!reloads) {
    report.say(served);
    await untilAborted(report.signal);
    return 0;
  }
  const watch = host.watch!(folder);
  const watching = new ChangeTeller(context, host.clock, report).follow(watch);
  report.say(served);
  try {
    // What ends the watching by a failure ends the command.
    await Promise.race([watching, untilAborted(report.signal)]);
  } finally {
    watch.close();
  }
  await watching;
  return 0;
}

export const serve: Command = { manual, run };
