// Talks to our echo server with Node's own WebSocket (undici), and prints how both connections ended.
// deno-lint-ignore-file no-console -- a program's own output

const LENGTHS = [0, 125, 126, 65_535, 65_536, 16 * 1024 * 1024];

const textOf = (bytes) => "aß→😀".repeat(Math.floor(bytes / 10)) + "a".repeat(bytes % 10);
const bytesOf = (length) => Uint8Array.from({ length }, (_, index) => index % 251);

const url = process.argv[2];

async function connect() {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
  return socket;
}

function exchange(socket, message) {
  return new Promise((resolve) => {
    socket.addEventListener("message", ({ data }) => resolve(data), { once: true });
    socket.send(message);
  });
}

function closeOf(socket) {
  return new Promise((resolve) => {
    socket.addEventListener("close", ({ code, reason, wasClean }) => {
      resolve(`closed ${code} ${reason} ${wasClean}`);
    });
  });
}

function check(condition, text) {
  if (!condition) throw new Error(text);
}

const socket = await connect();
for (const length of LENGTHS) {
  const text = textOf(length);
  check(await exchange(socket, text) === text, `text of ${length} bytes`);
  const bytes = bytesOf(length);
  const echoed = Buffer.from(await exchange(socket, bytes));
  check(echoed.equals(bytes), `${length} bytes`);
}
check(await exchange(socket, "fragments") === "Hello", "fragments");
const closed = closeOf(socket);
socket.close(3001, "done");
console.log(await closed);

const other = await connect();
const closedByServer = closeOf(other);
other.send("close 4001 bye");
console.log(await closedByServer);
