// deno-lint-ignore-file no-console
// Asks three times over one connection and says who ends it.
import http from "node:http";

const [, , port] = process.argv;
// Without a time of its own it would not look at the server's.
const agent = new http.Agent({ keepAlive: true, maxSockets: 1, timeout: 60_000 });
const seen = new Set();
// An idle socket of an agent keeps no process alive.
const awaiting = setInterval(() => {}, 60_000);

function ask() {
  return new Promise((resolve, reject) => {
    const request = http.get({ port, host: "127.0.0.1", agent }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.headers["keep-alive"]));
    });
    request.on("error", reject);
    request.on("socket", (socket) => {
      if (seen.has(socket)) return;
      seen.add(socket);
      // Before the agent hears of either.
      socket.prependListener("end", () => console.log("the server ended it"));
      socket.prependListener("timeout", () => console.log("the agent gave up"));
      socket.on("close", () => {
        console.log("closed");
        clearInterval(awaiting);
      });
    });
  });
}

for (let i = 0; i < 3; i++) console.log(await ask());
console.log(`${seen.size} connection`);
