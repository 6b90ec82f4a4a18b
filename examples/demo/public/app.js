/**
 * The demo page: three WebSockets to the host and port the page came from, one for each protocol.
 * Nothing here keeps state the server does not have: the canvas shows what the server sent back.
 */

import { keepOpen } from "./keep_open.js";
import { numbers } from "./numbers.js";

/** The canvas in the units of the mirror protocol, whatever its size on the screen. */
const SHEET = { width: 800, height: 500 };
const LINE_WIDTH = 3;
const STAMP_RADIUS = 26;
const LARGEST_RADIUS = 400;
/** Keeps each packet inside one small frame, which even a tiny receive buffer takes whole. */
const PACKET_CHARACTERS = 1_000;
/** Bounds what a long wait may gather, in characters. */
const OUTBOX_CHARACTERS = 65_536;

const ROUND_TRIP_MS = 1_000;

const byId = (id) => document.getElementById(id);

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
  const invitation = byId("invitation");
  const picker = byId("picker");
  const swatches = [...document.querySelectorAll("input[name=colour]")];
  const tools = [...document.querySelectorAll("input[name=tool]")];

  context.setTransform(canvas.width / SHEET.width, 0, 0, canvas.height / SHEET.height, 0, 0);
  context.lineWidth = LINE_WIDTH;
  context.lineCap = "round";

  // What the server sends back

  const LINE = /^d (#[0-9a-f]{6}) (-?\d{1,5}) (-?\d{1,5}) (-?\d{1,5}) (-?\d{1,5})$/i;
  const CIRCLE = /^c (#[0-9a-f]{6}) (-?\d{1,5}) (-?\d{1,5}) (\d{1,5})$/i;

  const wipe = () => {
    context.clearRect(0, 0, SHEET.width, SHEET.height);
    invitation.hidden = false;
  };

  const draw = (command) => {
    if (command === "clear") return wipe();
    const line = LINE.exec(command);
    if (line) {
      invitation.hidden = true;
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
    invitation.hidden = true;
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
    // What was drawn so far comes first.
    open: wipe,
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
  // On phones there is room for some of them only.
  const shown = swatches.filter((swatch) => swatch.offsetParent !== null);
  choose(shown[Math.floor(Math.random() * shown.length)].value);

  const tool = () => tools.find(({ checked }) => checked).value;

  byId("clear").addEventListener("click", () => {
    outbox = [];
    outboxCharacters = 0;
    connection.send("clear;");
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
    const connections = status?.connections ?? [];
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
    const hidden = (status?.total ?? 0) - connections.length;
    put(total, String(status?.total ?? 0));
    put(empty, status ? `and ${hidden} more` : "Waiting for the server’s list.");
    empty.hidden = status !== undefined && hidden === 0;
    put(version, status?.version ?? "–");
    put(uptime, status ? duration(Math.floor(status.uptimeMs / 1_000) + passed) : "–");
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
      uptimeMs: whole(value.uptimeMs),
      sentBytes: whole(value.sentBytes),
      receivedBytes: whole(value.receivedBytes),
      total: whole(value.total),
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

  const tiles = numbers();
  const connection = keepOpen("lws-status", byId("state-status"), {
    message(text) {
      // Its own text has come back: when it was sent.
      if (/^\d{1,12}\.\d$/.test(text)) return tiles.roundTrip(performance.now() - Number(text));
      const parsed = parse(text);
      if (!parsed) return;
      status = parsed;
      receivedAt = performance.now();
      tiles.status(status);
      render();
    },
    close() {
      status = undefined;
      tiles.forget();
      render();
    },
  });
  setInterval(render, 1_000);
  setInterval(() => connection.send(performance.now().toFixed(1)), ROUND_TRIP_MS);
}

/** A window beside this one shows more than a tab behind it; where there is none, the link is a link. */
function secondWindow() {
  byId("second").addEventListener("click", (event) => {
    const { availWidth, availHeight } = screen;
    if (availWidth < 900) return;
    const width = Math.min(900, Math.floor(availWidth / 2));
    const size = `popup,width=${width},height=${Math.min(860, availHeight)}`;
    if (open(event.currentTarget.href, "_blank", size)) event.preventDefault();
  });
}

counting();
drawing();
visiting();
secondWindow();
