/** When a file that is sent on a connection goes on. */

import { assertEquals } from "@std/assert";
import type { Connection } from "../../../../src/connection/connection.ts";
import {
  ConnectionFileResponse,
  type FileSink,
} from "../../../../src/connection/http/file_transfer.ts";
import type { TurnTaker } from "../../../../src/service/turns/order.ts";

Deno.test("it goes on at once while there is budget left, and else in its connection's turn", () => {
  const waiting: TurnTaker[] = [];
  const budget = {
    left: true,
    mayGoOn: () => budget.left,
    begin: () => true,
    lookAnew() {},
    charge() {},
    wait: (taker: TurnTaker) => void waiting.push(taker),
  };
  const connection = { servedMs: 3, owner: { budget } } as unknown as Connection;
  const response = new ConnectionFileResponse(connection, {} as FileSink);
  let done = 0;
  response.inTurn(() => done++);
  assertEquals([done, waiting.length], [1, 0]);
  budget.left = false;
  response.inTurn(() => done++);
  assertEquals([done, waiting.map(({ servedMs }) => servedMs)], [1, [3]]);
  waiting[0]!.onTurn();
  assertEquals(done, 2);
});
