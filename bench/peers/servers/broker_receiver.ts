/** A worker that receives by WebSocket what is published, as a client of another process would. */

import { PlainClient } from "../../../tests/peers/brokers/plain_client.ts";
import { Received, type Taken } from "./broker_received.ts";

/** What it is asked: to connect, or for what has come once that is so much. */
export type Question = { readonly port: number } | { readonly count: number };

const LOOK_MS = 2;

const received = new Received();
const scope = self as unknown as {
  onmessage: (event: MessageEvent<Question>) => void;
  postMessage(answer: Taken | "open"): void;
  close(): void;
};

scope.onmessage = async ({ data: question }) => {
  if ("port" in question) {
    await PlainClient.open(question.port, (text) => received.add(text), () => scope.close());
    return scope.postMessage("open");
  }
  while (received.count < question.count) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  scope.postMessage(received.take());
};
