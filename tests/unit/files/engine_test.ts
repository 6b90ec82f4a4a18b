/** How a file goes on when others wait. */

import { assertEquals } from "@std/assert";
import type { FileOps } from "../../../src/api/file_ops.ts";
import type { Wsi } from "../../../src/api/wsi.ts";
import { type FileResponse, type FileTransfer, serveFile } from "../../../src/files/engine.ts";
import { OpenFiles } from "../../../src/files/open_files.ts";
import { UNLIMITED } from "../../../src/service/turn_budget.ts";
import { settle } from "../../support/serve.ts";

const LENGTH = 150_000;

interface Served {
  readonly transfer: FileTransfer;
  readonly told: string[];
  /** Runs what waits for its turn. */
  takeTurn(): void;
  readonly waiting: number;
}

function serve(): Served {
  const told: string[] = [];
  const turns: (() => void)[] = [];
  const ops: FileOps = {
    open: () => ({ handle: 1, length: LENGTH, mtime: null }),
    close: () => void told.push("close"),
    seekCur: () => 0,
    read(_wsi, _handle, buffer) {
      told.push(`read ${buffer.length}`);
      return buffer.length;
    },
    write: () => 0,
  };
  const response: FileResponse = {
    wsi: {} as Wsi,
    method: "GET",
    isOpen: true,
    budget: UNLIMITED,
    openFiles: new OpenFiles(Infinity),
    requestField: () => undefined,
    sendHead: (status) => void told.push(`head ${status}`),
    sendBody: ({ length }) => void told.push(`send ${length}`),
    fail: (status) => void told.push(`fail ${status}`),
    complete: () => void told.push("complete"),
    abort: () => void told.push("abort"),
    inTurn: (work) => void turns.push(work),
    arrived: (work) => work(),
  };
  return {
    transfer: serveFile(response, ops, "a.txt"),
    told,
    takeTurn: () => turns.shift()!(),
    get waiting() {
      return turns.length;
    },
  };
}

Deno.test("each piece but the first is read in its turn", async () => {
  const served = serve();
  await settle();
  const first = ["read 65536", "head 200", "send 65536"];
  assertEquals(served.told, first);
  served.transfer.onDrain();
  served.transfer.onDrain();
  await settle();
  assertEquals([served.told, served.waiting], [first, 1], "once, however often all has left");
  served.takeTurn();
  await settle();
  assertEquals(served.told.slice(3), ["read 65536", "send 65536"]);
  served.transfer.onDrain();
  served.takeTurn();
  await settle();
  assertEquals(served.told.slice(5), ["read 18928", "send 18928", "close"]);
  served.transfer.onDrain();
  assertEquals([served.told.at(-1), served.waiting], ["complete", 0]);
});

Deno.test("one that is abandoned while it waits for its turn is closed at once, and reads no more", async () => {
  const served = serve();
  await settle();
  served.transfer.onDrain();
  served.transfer.abandon();
  assertEquals(served.told.slice(3), ["close"]);
  served.takeTurn();
  await settle();
  assertEquals(served.told.slice(3), ["close"]);
});
