/** The tiles above the sheet: what the server carries, each with its last minute as a line. */

const SAMPLES = 60;
/** Statuses come after changes, too: a sample is of no shorter time. */
const SHORTEST_SAMPLE_MS = 900;
/** A line of the size of its tile's picture, whose height is that of its highest sample. */
const PICTURE = { width: 120, height: 32 };

const byId = (id) => document.getElementById(id);

/** Bytes as people read them. */
function inUnits(bytes) {
  if (bytes < 1_000) return [String(Math.round(bytes)), "B"];
  if (bytes < 1_000_000) return [(bytes / 1_000).toFixed(bytes < 10_000 ? 1 : 0), "kB"];
  return [(bytes / 1_000_000).toFixed(bytes < 10_000_000 ? 1 : 0), "MB"];
}

/** A tile's value, unit and line. */
function tile(id, least) {
  const element = byId(id);
  const [value, unit] = ["b", "small"].map((name) => element.querySelector(`dd ${name}`));
  const [area, line] = element.querySelectorAll("path");
  let samples = [];

  const draw = () => {
    const highest = Math.max(least, ...samples);
    const points = samples.map((sample, i) => {
      const x = PICTURE.width * (1 - (samples.length - 1 - i) / (SAMPLES - 1));
      const y = PICTURE.height - 2 - (PICTURE.height - 6) * sample / highest;
      return `${x.toFixed(1)} ${y.toFixed(1)}`;
    });
    const path = points.length < 2 ? "" : `M${points.join("L")}`;
    const [left] = points[0]?.split(" ") ?? [];
    line.setAttribute("d", path);
    area.setAttribute("d", path && `${path}V${PICTURE.height}H${left}Z`);
  };

  return {
    show(text, its) {
      value.textContent = text;
      if (its !== undefined) unit.textContent = its;
    },
    sample(number) {
      samples = [...samples, number].slice(-SAMPLES);
      draw();
    },
    forget() {
      value.textContent = "–";
      samples = [];
      draw();
    },
  };
}

/** What shows each status of the server, and each round trip. */
export function numbers() {
  const connections = tile("tile-connections", 4);
  const sent = tile("tile-sent", 1);
  const received = tile("tile-received", 1);
  const roundTrip = tile("tile-round-trip", 1);
  const tiles = [connections, sent, received, roundTrip];
  const soFar = [byId("sent-bytes"), byId("received-bytes")];
  let last;

  return {
    status({ total, uptimeMs, sentBytes, receivedBytes }) {
      connections.show(String(total));
      for (const [i, bytes] of [sentBytes, receivedBytes].entries()) {
        soFar[i].textContent = `${inUnits(bytes).join(" ")} so far`;
      }
      const passed = last ? uptimeMs - last.uptimeMs : 0;
      if (last && passed < SHORTEST_SAMPLE_MS) return;
      if (last) {
        for (
          const [to, bytes] of [
            [sent, sentBytes - last.sentBytes],
            [received, receivedBytes - last.receivedBytes],
          ]
        ) {
          const [value, unit] = inUnits(bytes * 1_000 / passed);
          to.show(value, `${unit}/s`);
          to.sample(bytes / passed);
        }
        connections.sample(total);
      }
      last = { uptimeMs, sentBytes, receivedBytes };
    },
    roundTrip(ms) {
      roundTrip.show(ms < 10 ? ms.toFixed(1) : String(Math.round(ms)));
      roundTrip.sample(ms);
    },
    /** The server is gone: what it counted is as well. */
    forget() {
      last = undefined;
      for (const each of tiles) each.forget();
      for (const each of soFar) each.textContent = "";
    },
  };
}
