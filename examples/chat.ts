/**
 * A chat with rooms by path: all guests at `ws://…/kitchen` hear each other.
 *
 *     deno run --allow-net examples/chat.ts --port 7682
 */

import { createContext, handlers, prepareMessage, type Protocol, type Wsi } from "../mod.ts";
import { orEnd, readOptions, untilInterrupted } from "./arguments.ts";

interface Guest {
  room: string;
  name: string;
}

const rooms = new Map<string, Set<Wsi>>();
let guests = 0;

/** Sends a line to all guests in a room; one that reads too slowly is cut by `maxUnsentBytes`. */
function say(room: string, line: string): void {
  const message = prepareMessage(line);
  for (const wsi of rooms.get(room) ?? []) wsi.write(message);
}

/** The chat's only protocol; it also answers plain HTTP. */
export const chat: Protocol<Guest> = {
  name: "chat",
  perSessionData: () => ({ room: "", name: "" }),
  callback: handlers<Guest>({
    http: (wsi) => wsi.respond(426, "Connect with a WebSocket client; the path is the room."),
    established(wsi, guest) {
      guest.room = wsi.uri;
      guest.name = `guest ${++guests}`;
      const room = rooms.get(guest.room) ?? new Set();
      rooms.set(guest.room, room.add(wsi));
      wsi.write(`You are ${guest.name} in ${guest.room}; /name NEW changes that.`);
      say(guest.room, `* ${guest.name} came`);
    },
    message(wsi, guest, message) {
      if (typeof message !== "string") return void wsi.close(1003, "text only");
      // One line a message, so that no guest can speak in another's name.
      const line = message.replace(/\s+/g, " ").trim().slice(0, 500);
      if (line.startsWith("/name ")) {
        const name = line.slice(6).trim();
        say(guest.room, `* ${guest.name} is ${name} now`);
        guest.name = name;
      } else if (line !== "") say(guest.room, `${guest.name}: ${line}`);
    },
    closed(wsi, guest) {
      const room = rooms.get(guest.room);
      room?.delete(wsi);
      if (room?.size === 0) rooms.delete(guest.room);
      say(guest.room, `* ${guest.name} left`);
    },
  }),
};

if (import.meta.main) {
  const { options } = readOptions({ port: 7682, hostname: "127.0.0.1" });
  await using context = orEnd(() =>
    createContext({
      port: options.port,
      iface: options.hostname,
      protocols: [chat],
      maxMessageSize: 4096,
    })
  );
  // deno-lint-ignore no-console -- a program's own output
  console.log(`listening on ws://${options.hostname}:${context.port}/ROOM`);
  await untilInterrupted();
}
