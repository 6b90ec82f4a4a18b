/**
 * The demo page: three WebSockets to the host and port the page came from, one for each protocol.
 * Nothing here keeps state the server does not have: the canvas shows what the server sent back.
 */

const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 4_000;
/** A connection that held this long was a good one: the next wait starts small again. */
const SETTLED_MS = 2_000;

/** The canvas in the units of the mirror protocol, whatever its size on the screen. */
const SHEET = { width: 800, height: 500 };
const LINE_WIDTH = 3;
const STAMP_RADIUS = 26;
const LARGEST_RADIUS = 400;
/** Keeps each packet inside one small frame, which even a tiny receive buffer takes whole. */
const PACKET_CHARACTERS = 1_000;
/** More unsent than this and the network is behind: strokes wait for the next animation frame. */
const UNSENT_BYTES = 65_536;
/** Bounds what a long wait may gather, in characters. */
const OUTBOX_CHARACTERS = 65_536;

const LISTED_CONNECTIONS = 200;

/** RFC 6455 section 7.4.1, and the registry's later codes, for a close that gave no reason. */
const CLOSE_CODES = new Map([
  [1000, "finished"],
  [1001, "server going away"],
  [1002, "protocol error"],
  [1003, "unsupported data"],
  [1006, "connection lost"],
  [1007, "invalid text"],
  [1008, "policy"],
  [1009, "message too big"],
  [1011, "server error"],
  [1012, "server restarting"],
  [1013, "try again later"],
]);

const byId = (id) => document.getElementById(id);

/**
 * Keeps one protocol connected for as long as the page lives, and its badge true.
 * The badge stays `closed` while the retries run, with what ended the connection that was open.
 */
function keepOpen(protocol, badge, { open, message, close }) {
  let socket;
  let retries = 0;
  let timer;
  let openedAt = 0;

  const show = (state, text) => {
    badge.dataset.state = state;
    if (badge.textContent !== text) badge.textContent = text;
  };

  const connect = () => {
    clearTimeout(timer);
    timer = undefined;
    openedAt = 0;
    socket = new WebSocket(new URL("/", location.href.replace(/^http/, "ws")), protocol);
    socket.addEventListener("open", () => {
      openedAt = performance.now();
      show("open", "open");
      open?.();
    });
    socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string") message(data);
    });
    socket.addEventListener("close", ({ code, reason }) => {
      const wasOpen = openedAt > 0;
      if (wasOpen && performance.now() - openedAt > SETTLED_MS) retries = 0;
      if (wasOpen || badge.dataset.state === "connecting") {
        show("closed", `closed · ${code} ${reason || (CLOSE_CODES.get(code) ?? "")}`.trim());
        close?.();
      }
      const wait = Math.min(FIRST_RETRY_MS * 2 ** retries++, LONGEST_RETRY_MS);
      // Jitter spreads the visitors of a server that has just come back.
      timer = setTimeout(connect, wait * (0.75 + Math.random() * 0.5));
    });
  };

  const retryNow = () => {
    if (timer !== undefined && document.visibilityState === "visible") connect();
  };
  addEventListener("online", retryNow);
  document.addEventListener("visibilitychange", retryNow);

  connect();
  return {
    get ready() {
      return socket.readyState === WebSocket.OPEN && socket.bufferedAmount < UNSENT_BYTES;
    },
    send(text) {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
  };
}

/** Runs `task` once before the next paint, however often it was asked for. */
function oncePerFrame(task) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      task();
    });
  };
}

function counting() {
  const counter = byId("counter");
  const reset = byId("reset");
  const rate = byId("rate");
  let latest = "–";
  let received = 0;
  let since = performance.now();

  const render = oncePerFrame(() => counter.textContent = latest);

  const connection = keepOpen("dumb-increment-protocol", byId("state-increment"), {
    open() {
      reset.disabled = false;
    },
    message(text) {
      if (!/^\d{1,20}$/.test(text.trim())) return;
      latest = text.trim();
      received++;
      render();
    },
    close() {
      reset.disabled = true;
    },
  });
  reset.addEventListener("click", () => connection.send("reset\n"));

  setInterval(() => {
    const now = performance.now();
    rate.textContent = Math.round(received * 1_000 / (now - since));
    received = 0;
    since = now;
  }, 1_000);
}

function drawing() {
  const canvas = byId("canvas");
  const context = canvas.getContext("2d");
  const ring = byId("ring");
  const crosshair = byId("crosshair");
  const picker = byId("picker");
  const swatches = [...document.querySelectorAll("input[name=colour]")];
  const tools = [...document.querySelectorAll("input[name=tool]")];

  context.setTransform(canvas.width / SHEET.width, 0, 0, canvas.height / SHEET.height, 0, 0);
  context.lineWidth = LINE_WIDTH;
  context.lineCap = "round";

  // What the server sends back

  const LINE = /^d (#[0-9a-f]{6}) (-?\d{1,5}) (-?\d{1,5}) (-?\d{1,5}) (-?\d{1,5})$/i;
  const CIRCLE = /^c (#[0-9a-f]{6}) (-?\d{1,5}) (-?\d{1,5}) (\d{1,5})$/i;

  const draw = (command) => {
    const line = LINE.exec(command);
    if (line) {
      const [x, y, x2, y2] = line.slice(2).map(Number);
      context.beginPath();
      if (x === x2 && y === y2) {
        // The canvas leaves out lines without length, so a dot is a disc.
        context.fillStyle = line[1];
        context.arc(x, y, LINE_WIDTH, 0, 2 * Math.PI);
        context.fill();
        return;
      }
      context.strokeStyle = line[1];
      context.moveTo(x, y);
      context.lineTo(x2, y2);
      context.stroke();
      return;
    }
    const circle = CIRCLE.exec(command);
    if (!circle) return;
    const [x, y, radius] = circle.slice(2).map(Number);
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = `${circle[1]}1f`;
    context.fill();
    context.strokeStyle = circle[1];
    context.stroke();
  };

  // What this visitor sends

  let outbox = [];
  let outboxCharacters = 0;

  const flush = oncePerFrame(() => {
    if (!connection.ready) {
      if (byId("state-mirror").dataset.state === "open") flush();
      return;
    }
    let packet = "";
    for (const command of outbox) {
      if (packet.length + command.length > PACKET_CHARACTERS) {
        connection.send(packet);
        packet = "";
      }
      packet += command;
    }
    if (packet) connection.send(packet);
    outbox = [];
    outboxCharacters = 0;
  });

  const connection = keepOpen("lws-mirror-protocol", byId("state-mirror"), {
    message(text) {
      for (const command of text.split(";")) draw(command.trim());
    },
    close() {
      outbox = [];
      outboxCharacters = 0;
    },
  });

  const post = (command) => {
    if (byId("state-mirror").dataset.state !== "open") return;
    if (outboxCharacters + command.length > OUTBOX_CHARACTERS) return;
    outbox.push(command);
    outboxCharacters += command.length;
    flush();
  };
  const postLine = (from, to) => post(`d ${colour} ${from.x} ${from.y} ${to.x} ${to.y};`);
  const postCircle = (at, radius) => post(`c ${colour} ${at.x} ${at.y} ${radius};`);

  // Tools

  let colour;
  const choose = (value) => {
    colour = value.toLowerCase();
    const known = swatches.find((swatch) => swatch.value === colour);
    for (const swatch of swatches) swatch.checked = swatch === known;
    picker.parentElement.classList.toggle("chosen", known === undefined);
  };
  for (const swatch of swatches) {
    swatch.style.setProperty("--ink", swatch.value);
    swatch.addEventListener("change", () => choose(swatch.value));
  }
  picker.addEventListener("input", () => choose(picker.value));
  picker.addEventListener("click", () => choose(picker.value));
  choose(swatches[Math.floor(Math.random() * swatches.length)].value);

  const tool = () => tools.find(({ checked }) => checked).value;

  byId("clear").addEventListener("click", () => {
    context.clearRect(0, 0, SHEET.width, SHEET.height);
  });

  // Pointers: mouse, pen, and each finger for itself

  const clamp = (value, highest) => Math.max(0, Math.min(highest, Math.round(value)));
  const sheetPoint = ({ clientX, clientY }) => {
    const box = canvas.getBoundingClientRect();
    return {
      x: clamp((clientX - box.left) / box.width * SHEET.width, SHEET.width),
      y: clamp((clientY - box.top) / box.height * SHEET.height, SHEET.height),
    };
  };
  const place = (element, { x, y }) => {
    element.style.left = `${x / SHEET.width * 100}%`;
    element.style.top = `${y / SHEET.height * 100}%`;
    element.hidden = false;
  };
  const radiusBetween = (from, to) => {
    const radius = Math.round(Math.hypot(to.x - from.x, to.y - from.y));
    return radius < 4 ? STAMP_RADIUS : Math.min(radius, LARGEST_RADIUS);
  };

  const held = new Map();

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    crosshair.hidden = true;
    const at = sheetPoint(event);
    held.set(event.pointerId, { tool: tool(), start: at, last: at, moved: false });
  });

  canvas.addEventListener("pointermove", (event) => {
    const stroke = held.get(event.pointerId);
    if (!stroke) return;
    const coalesced = event.getCoalescedEvents?.() ?? [];
    for (const step of coalesced.length > 0 ? coalesced : [event]) {
      const at = sheetPoint(step);
      if (at.x === stroke.last.x && at.y === stroke.last.y) continue;
      if (stroke.tool === "pen") postLine(stroke.last, at);
      stroke.last = at;
      stroke.moved = true;
    }
    if (stroke.tool === "circle") {
      // A hint of the size only: the circle itself is drawn when the server has sent it back.
      const across = 2 * radiusBetween(stroke.start, stroke.last) / SHEET.width *
        canvas.clientWidth;
      ring.style.width = `${across}px`;
      ring.style.height = `${across}px`;
      place(ring, stroke.start);
    }
  });

  canvas.addEventListener("pointerup", (event) => {
    const stroke = held.get(event.pointerId);
    if (!stroke) return;
    if (stroke.tool === "circle") {
      postCircle(stroke.start, radiusBetween(stroke.start, stroke.last));
    } else if (!stroke.moved) {
      postLine(stroke.start, stroke.start);
    }
  });

  canvas.addEventListener("lostpointercapture", (event) => {
    held.delete(event.pointerId);
    ring.hidden = true;
  });

  // Keyboard

  const cursor = { x: SHEET.width / 2, y: SHEET.height / 2 };
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  canvas.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const step = steps[event.key];
    if (step) {
      const from = { ...cursor };
      cursor.x = clamp(cursor.x + step[0] * 10, SHEET.width);
      cursor.y = clamp(cursor.y + step[1] * 10, SHEET.height);
      if (event.shiftKey) postLine(from, cursor);
    } else if (event.key === " " || event.key === "Enter") {
      if (tool() === "circle") postCircle(cursor, STAMP_RADIUS);
      else postLine(cursor, cursor);
    } else {
      return;
    }
    event.preventDefault();
    place(crosshair, cursor);
  });
  canvas.addEventListener("blur", () => crosshair.hidden = true);
}

function visiting() {
  const list = byId("connections");
  const empty = byId("no-connections");
  const total = byId("total");
  const version = byId("version");
  const uptime = byId("uptime");
  const rows = new Map();
  let status;
  let receivedAt = 0;

  const duration = (seconds) => {
    if (seconds < 60) return `${seconds} s`;
    if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
    if (seconds < 86_400) {
      return `${Math.floor(seconds / 3_600)} h ${Math.floor(seconds % 3_600 / 60)} min`;
    }
    return `${Math.floor(seconds / 86_400)} d ${Math.floor(seconds % 86_400 / 3_600)} h`;
  };

  const newRow = ({ id }) => {
    const row = document.createElement("tr");
    const number = document.createElement("th");
    number.scope = "row";
    number.textContent = id;
    const about = document.createElement("td");
    const protocol = document.createElement("strong");
    const address = document.createElement("small");
    about.append(protocol, address);
    const age = document.createElement("td");
    row.append(number, about, age);
    return { row, protocol, address, age };
  };

  const put = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };

  const render = oncePerFrame(() => {
    const connections = (status?.connections ?? []).slice(0, LISTED_CONNECTIONS);
    const gone = new Set(rows.keys());
    const passed = Math.floor((performance.now() - receivedAt) / 1_000);
    for (const [index, connection] of connections.entries()) {
      const entry = rows.get(connection.id) ?? newRow(connection);
      rows.set(connection.id, entry);
      gone.delete(connection.id);
      put(entry.protocol, connection.protocol || "no protocol");
      put(entry.address, connection.address);
      put(entry.age, duration(connection.seconds + passed));
      if (list.children[index] !== entry.row) list.insertBefore(entry.row, list.children[index]);
    }
    for (const id of gone) {
      rows.get(id).row.remove();
      rows.delete(id);
    }
    const hidden = (status?.connections.length ?? 0) - connections.length;
    put(total, String(status?.connections.length ?? 0));
    put(empty, status ? `and ${hidden} more` : "Waiting for the server’s list.");
    empty.hidden = status !== undefined && hidden === 0;
    put(version, status?.version ?? "–");
    put(uptime, status ? duration(status.uptimeSeconds + passed) : "–");
  });

  /** Takes only what has the protocol's shape, so that a strange server cannot break the page. */
  const parse = (text) => {
    let value;
    try {
      value = JSON.parse(text);
    } catch {
      return undefined;
    }
    if (!Array.isArray(value?.connections)) return undefined;
    const whole = (number) => Number.isFinite(number) ? Math.max(0, Math.floor(number)) : 0;
    return {
      version: String(value.version ?? "–"),
      uptimeSeconds: whole(value.uptimeSeconds),
      connections: value.connections
        .filter((one) => one !== null && typeof one === "object")
        .map((one) => ({
          id: String(one.id),
          protocol: String(one.protocol ?? ""),
          address: String(one.address ?? ""),
          seconds: whole(one.seconds),
        })),
    };
  };

  keepOpen("lws-status", byId("state-status"), {
    message(text) {
      const parsed = parse(text);
      if (!parsed) return;
      status = parsed;
      receivedAt = performance.now();
      render();
    },
    close() {
      status = undefined;
      render();
    },
  });
  setInterval(render, 1_000);
}

counting();
drawing();
visiting();
