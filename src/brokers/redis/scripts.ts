/**
 * What happens inside of Redis, each at once. A topic's count has the epoch of the server's run, and begins
 * with the time, so that one which begins anew in the same run goes on above the last.
 *
 * The meta hash: `e` epoch, `o` offset of the last publication, `s` of the first, `b` bytes of payload so far,
 * `t` when its time to live was set, `w` the bytes at which the stream is to be cut next. The stream: ids
 * `OFFSET-BYTES BEFORE IT`, one field, which is named by the time and has the line and the payload.
 */

import { presenceTexts } from "./presence/scripts.ts";

/** Bounds that scripts have written into them; `Infinity` for none. */
export interface Bounds {
  readonly historySize: number;
  readonly historyTtlMs: number;
  readonly historyBytes: number;
  readonly idempotencyMs: number;
}

/** A script with the digest that calls it. */
export interface Script {
  readonly text: string;
  readonly digest: string;
}

/**
 * All that a broker needs. Channels are arguments: as keys they would be missing ones, which a cluster takes for
 * keys that have left with a slot on its way.
 */
export interface Scripts {
  /** Keys: meta, stream, and the result of the id if it has one. Arguments: channel, epoch, body, size. */
  readonly publish: Script;
  /** Without a place. Keys: result. Arguments: channel, body. */
  readonly publishOnce: Script;
  /** Keys: meta, stream. Arguments: epoch, offset behind which or -1, limit. */
  readonly history: Script;
  /** Keys: metas. Arguments: epoch. */
  readonly tops: Script;
  /** Keys: meta, stream, members. Arguments: channel, epoch, whether it is kept, field, member, body, size. */
  readonly join: Script;
  /** Keys as of `join`. Arguments: channel, epoch, whether it is kept, field. */
  readonly leave: Script;
  /** Keys as of `join`. Arguments: channel, epoch, whether they are kept, what the fields begin with. */
  readonly sweep: Script;
  /** Keys: members. Arguments: limit, and the nodes that have a lease. */
  readonly members: Script;
  /** Keys: leases, ended leases. Arguments: node, milliseconds. */
  readonly lease: Script;
  /** Keys: leases. Answers with the nodes that have one. */
  readonly leases: Script;
}

/** From when on counts begin: 2025, so that offsets have 13 digits. */
const START_MS = 1_735_689_600_000;
/** How many offsets a millisecond is worth: more than a server takes publications. */
const OFFSETS_A_MS = 100;
/** A count lives longer than what is kept of it, and than nodes take to ask about it. */
const LEAST_META_TTL_MS = 3_600_000;
const META_TTLS = 10;

export async function makeScripts(bounds: Bounds, isSharded: boolean): Promise<Scripts> {
  const command = isSharded ? "SPUBLISH" : "PUBLISH";
  const publication = publicationText(bounds, command);
  const texts: Readonly<Record<keyof Scripts, string>> = {
    publish: publishText(publication, bounds),
    publishOnce: publishOnceText(bounds, command),
    history: historyText(bounds),
    tops: topsText(bounds),
    ...presenceTexts(publication, command),
  };
  const made = Object.entries(texts).map(async ([name, text]) => {
    return [name, { text, digest: await digestOf(text) }] as const;
  });
  return Object.fromEntries(await Promise.all(made)) as Record<keyof Scripts, Script>;
}

async function digestOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

const NOW = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

function metaTtl({ historyTtlMs }: Bounds): number {
  return Math.max(historyTtlMs * META_TTLS, LEAST_META_TTL_MS);
}

/**
 * The function `publication`, which all that is kept goes through; it returns the place, and that as a text. What other
 * programs have put under its names, as a key of another type, makes room for it.
 */
function publicationText(bounds: Bounds, command: string): string {
  const { historySize, historyTtlMs, historyBytes } = bounds;
  const maxLength = historySize === Infinity ? "" : `'MAXLEN', '~', ${historySize}, `;
  // What is added last must live for the whole time: the rest of it is set again after an eighth.
  const slack = Math.ceil(historyTtlMs / 8);
  const touch = historyTtlMs === Infinity ? "" : `
  local touched = tonumber(meta[4] or 0)
  if now - touched >= ${slack} or now < touched then
    redis.call('HSET', KEYS[1], 't', now)
    redis.call('PEXPIRE', KEYS[1], ${metaTtl(bounds)})
    redis.call('PEXPIRE', KEYS[2], ${historyTtlMs + slack})
  end`;
  const cut = historyBytes === Infinity ? "" : `
  if after > tonumber(meta[5] or ${historyBytes}) then
    local low, high = 0, offset + 1
    local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
    if first then low = tonumber(string.match(first[1], '^%d+')) end
    while low < high do
      local middle = math.floor((low + high) / 2)
      local at = redis.call('XRANGE', KEYS[2], middle, '+', 'COUNT', 1)[1]
      if at and after - string.match(at[1], '%d+$') > ${historyBytes} then low = middle + 1
      else high = middle end
    end
    redis.call('XTRIM', KEYS[2], 'MINID', low)
    redis.call('HSET', KEYS[1], 'w', after + ${Math.floor(historyBytes / 4)})
  end`;
  return `local function publication(epoch, body, size)
  ${NOW}
  local meta = redis.pcall('HMGET', KEYS[1], 'e', 'o', 'b', 't', 'w')
  local offset, before, mark
  if meta[1] == epoch then
    offset, before, mark = meta[2] + 1, tonumber(meta[3]), ''
  else
    redis.call('DEL', KEYS[1], KEYS[2])
    meta = {}
    offset, before, mark = math.max(1, (now - ${START_MS}) * ${OFFSETS_A_MS}), 0, '='
    redis.call('HSET', KEYS[1], 'e', epoch, 's', offset)
  end
  local after = before + size
  local place = string.format('%.0f', offset)
  redis.call('HSET', KEYS[1], 'o', place, 'b', after)
  local id = place .. '-' .. string.format('%.0f', before)
  if type(redis.pcall('XADD', KEYS[2], ${maxLength}id, now, body)) == 'table' then
    redis.call('DEL', KEYS[2])
    redis.call('XADD', KEYS[2], id, now, body)
  end
  ${touch}${cut}
  redis.call('${command}', ARGV[1], mark .. place .. ' ' .. epoch .. ' ' .. body)
  return offset, place
end
`;
}

function publishText(publication: string, bounds: Bounds): string {
  return `#!lua
${publication}local id = KEYS[3]
if id then
  local known = redis.pcall('GET', id)
  if type(known) == 'string' and string.match(known, '^%d+ ') then return known end
end
local offset, place = publication(ARGV[2], ARGV[3], ARGV[4])
if id then
  local result = place .. ' ' .. ARGV[2]
${keepResult("id", bounds)}
end
return offset`;
}

function keepResult(key: string, { idempotencyMs }: Bounds): string {
  if (idempotencyMs === Infinity) return `  redis.call('SET', ${key}, result)`;
  return `  redis.call('SET', ${key}, result, 'PX', ${idempotencyMs})`;
}

function publishOnceText(bounds: Bounds, command: string): string {
  return `#!lua
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('${command}', ARGV[1], ARGV[2])
local result = '0 '
${keepResult("KEYS[1]", bounds)}
return 0`;
}

function historyText({ historySize, historyTtlMs, historyBytes }: Bounds): string {
  const fits = historyBytes === Infinity ? "true" : `total - bytes <= ${historyBytes}`;
  const lives = historyTtlMs === Infinity
    ? "true"
    : `now - (tonumber(entry[2][1]) or 0) < ${historyTtlMs}`;
  const low = historySize === Infinity ? "start" : `math.max(start, top - ${historySize} + 1)`;
  return `#!lua flags=no-writes
local meta = redis.pcall('HMGET', KEYS[1], 'e', 'o', 's', 'b')
if meta[1] ~= ARGV[1] then return { 0, 0, 1, {} } end
local top, start, total = tonumber(meta[2]), tonumber(meta[3]), tonumber(meta[4])
${NOW}
local function range(from, limit)
  local found = redis.pcall('XRANGE', KEYS[2], from, '+', 'COUNT', limit)
  return found.err and {} or found
end
local function at(offset)
  local entry = range(offset, 1)[1]
  if not entry then return top + 1, true end
  local found, bytes = string.match(entry[1], '^(%d+)-(%d+)$')
  return tonumber(found), ${fits} and ${lives}
end
local low, high = ${low}, top + 1
local first, isKept = at(low)
if not isKept then
  low = first + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    local found, keeps = at(middle)
    if keeps then high = middle else low = found + 1 end
  end
  first = at(low)
end
local since, limit = tonumber(ARGV[2]), tonumber(ARGV[3])
local from = first
if since >= 0 then from = math.max(first, since + 1)
else from = math.max(first, top - limit + 1) end
return { top, start, first, range(from, limit) }`;
}

function topsText(bounds: Bounds): string {
  const ttl = metaTtl(bounds);
  const touch = bounds.historyTtlMs === Infinity
    ? ""
    : `    if redis.call('PTTL', key) < ${
      Math.floor(ttl / 2)
    } then redis.call('PEXPIRE', key, ${ttl}) end
`;
  return `#!lua flags=allow-oom
local tops = {}
for i, key in ipairs(KEYS) do
  local meta = redis.pcall('HMGET', key, 'e', 'o')
  if meta[1] == ARGV[1] then
    tops[i] = tonumber(meta[2])
${touch}  else
    tops[i] = 0
  end
end
return tops`;
}
