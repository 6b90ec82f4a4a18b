/** Clients that do nothing wrong, beside an attack: how long each of their messages takes to come back. */

const CLIENTS = 4;
const EVERY_MS = 4;

/** What they saw. */
export interface Health {
  readonly errors: readonly string[];
  readonly p50: number;
  readonly p99: number;
}

/** Speaks for some time, or as long as something else lasts. */
export async function speak(port: number, during: Promise<unknown>): Promise<Health> {
  const times: number[] = [];
  const errors: string[] = [];
  let isOver = false;
  void during.finally(() => isOver = true);
  await Promise.all(Array.from({ length: CLIENTS }, async (_, client) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
    const ended = Promise.withResolvers<never>();
    ended.promise.catch(() => {});
    const fail = (what: string) => ended.reject(new Error(what));
    socket.onclose = ({ code, reason }) => fail(`closed with ${code} ${reason}`);
    socket.onerror = () => fail("failed");
    try {
      await Promise.race([new Promise((resolve) => socket.onopen = resolve), ended.promise]);
      for (let count = 0; !isOver; count++) {
        const text = `${client} ${count}`;
        const start = performance.now();
        socket.send(text);
        const back = new Promise<string>((resolve) =>
          socket.onmessage = ({ data }) => resolve(data)
        );
        const answer = await Promise.race([back, ended.promise]);
        times.push(performance.now() - start);
        if (answer !== text) errors.push(`${text} came back as ${answer}`);
        await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
      }
      const closed = new Promise((resolve) => socket.onclose = resolve);
      socket.close(1000);
      await closed;
    } catch (error) {
      errors.push(`client ${client}: ${(error as Error).message}`);
    }
  }));
  times.sort((a, b) => a - b);
  const quantile = (part: number) => times[Math.floor(times.length * part)] ?? NaN;
  return { errors, p50: quantile(0.5), p99: quantile(0.99) };
}
