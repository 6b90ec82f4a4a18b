/** `lws echo`: a server that sends everything back. */

import type { Protocol } from "../api/protocol.ts";
import { createContext } from "../context/face.ts";
import { permessageDeflate } from "../extensions/permessage_deflate.ts";
import type { Arguments, Manual } from "./arguments.ts";
import type { Command } from "./command.ts";
import { listeningMembers, listeningRules, urlOf } from "./listening.ts";
import { type Report, untilAborted } from "./report.ts";
import { readVersions } from "./wire_versions.ts";

const PORT = 7681;
const LONGEST = 64 * 1024 * 1024;

const manual: Manual = {
  name: "echo",
  operand: "",
  summary: "Serves WebSockets that send every message back, up to 64 MiB, until Ctrl-C.",
  about: ["Its URL goes to standard output; with -v standard error tells of connections."],
  options: {
    ...listeningRules(PORT),
    compress: { about: "compress messages for clients that offer it (permessage-deflate)" },
    versions: { value: "LIST", about: "versions of the protocol, as 13,8,7,0,hixie-75 (13)" },
  },
  examples: [
    ["lws echo", `listens on ws://127.0.0.1:${PORT}/`],
    ["lws echo --host 0.0.0.0 --port 9001 --compress", "for other machines, compressed"],
    ["lws echo --tls-cert cert.pem --tls-key key.pem", "over TLS"],
  ],
};

interface Session {
  /** Whether a message is sent back that has not come to its end. */
  continues: boolean;
  messages: number;
}

/** Sends every piece of a frame back as it comes, as a frame of the same message. */
function echoProtocol(report: Report): Protocol<Session> {
  let connections = 0;
  return {
    name: "echo",
    perSessionData: () => ({ continues: false, messages: 0 }),
    callback(wsi, reason, user, data) {
      switch (reason) {
        case "http":
          return wsi.respond(426, "This port speaks WebSocket.\n");
        case "established":
          report.detail(`${wsi.peerAddresses.ip} connected, number ${++connections}`);
          break;
        case "receive": {
          const kind = wsi.frameIsBinary ? "binary" : "text";
          const fin = wsi.isFinalFragment && wsi.remainingPacketPayload === 0;
          wsi.write(data, user.continues ? "continuation" : kind, { fin });
          user.continues = !fin;
          if (fin) user.messages++;
          // A peer that sends without reading must wait.
          if (wsi.partialBuffered) {
            wsi.rxFlowControl(false);
            wsi.callbackOnWritable();
          }
          break;
        }
        case "serverWriteable":
          wsi.rxFlowControl(true);
          break;
        case "closed": {
          const { ip } = wsi.peerAddresses;
          report.detail(`${ip} closed with ${data.code}, after ${user.messages} messages`);
          break;
        }
      }
    },
  };
}

async function run(args: Arguments, report: Report): Promise<number> {
  await using context = createContext({
    ...listeningMembers(args, report.host, PORT),
    protocols: [echoProtocol(report)],
    allowedOrigins: ["*"],
    versions: readVersions(args.text("versions") ?? "13", "versions"),
    maxFramePayload: LONGEST,
    maxMessageSize: LONGEST,
    extensions: args.flag("compress") ? [permessageDeflate({})] : [],
  });
  report.say(`listening on ${urlOf("ws", args, context)}`);
  await untilAborted(report.signal);
  return 0;
}

export const echo: Command = { manual, run };
