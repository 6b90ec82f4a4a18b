/**
 * What happens inside of Redis with members of topics. A topic's hash of members has fields `NODE/ID`, and
 * the member as JSON. A node has a lease in a sorted set, by the time when it ends; one that has ended goes to
 * another set, by the time until which one node is at work on it. What other programs have put there in another
 * type makes room.
 */

/** How long a node has for what an ended one has left, before others do it. */
const CLAIM_MS = 10_000;
/** As many ended nodes one node has at a time. */
const MOST_CLAIMS = 16;

const NOW = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

/** @param publication the function of that name; without it `command` publishes what has no place */
export function presenceTexts(publication: string, command: string) {
  const announce = `${publication}local function announce(body, size)
  if ARGV[3] == '1' then publication(ARGV[2], body, size)
  else redis.call('${command}', ARGV[1], body) end
end
`;
  return {
    join: `#!lua
${announce}local known = redis.pcall('HGET', KEYS[3], ARGV[4])
if known == ARGV[5] then return 0 end
if type(known) == 'table' then redis.call('DEL', KEYS[3]) end
redis.call('HSET', KEYS[3], ARGV[4], ARGV[5])
announce(ARGV[6], ARGV[7])
return 1`,
    leave: `#!lua
${announce}local member = redis.pcall('HGET', KEYS[3], ARGV[4])
if type(member) ~= 'string' then return 0 end
redis.call('HDEL', KEYS[3], ARGV[4])
announce('l\\n' .. member, #member)
return 1`,
    sweep: `#!lua
${announce}local front = ARGV[4]
local all = redis.pcall('HGETALL', KEYS[3])
local count = 0
for i = 1, #all, 2 do
  if string.sub(all[i], 1, #front) == front then
    redis.call('HDEL', KEYS[3], all[i])
    announce('l\\n' .. all[i + 1], #all[i + 1])
    count = count + 1
  end
end
return count`,
    members: `#!lua flags=no-writes
local nodes = {}
for i = 2, #ARGV do nodes[ARGV[i]] = true end
local limit = tonumber(ARGV[1])
local all = redis.pcall('HGETALL', KEYS[1])
local count, found = 0, {}
for i = 1, #all, 2 do
  if nodes[string.match(all[i], '^[^/]*')] then
    count = count + 1
    if count <= limit then found[count] = all[i + 1] end
  end
end
return { count, found }`,
    lease: `#!lua
${NOW}
for _, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'zset' and kind ~= 'none' then redis.call('DEL', key) end
end
local own = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
local kept = own and 1 or 0
if ARGV[3] == '0' then return { kept, {} } end
for _, node in ipairs(redis.call('ZRANGE', KEYS[1], '-inf', now, 'BYSCORE')) do
  redis.call('ZREM', KEYS[1], node)
  redis.call('ZADD', KEYS[2], 0, node)
end
local claimed = redis.call('ZRANGE', KEYS[2], '-inf', now, 'BYSCORE', 'LIMIT', 0, ${MOST_CLAIMS})
for _, node in ipairs(claimed) do redis.call('ZADD', KEYS[2], now + ${CLAIM_MS}, node) end
return { kept, claimed }`,
    leases: `#!lua flags=no-writes
${NOW}
local nodes = redis.pcall('ZRANGE', KEYS[1], '(' .. string.format('%.0f', now), '+inf', 'BYSCORE')
return nodes.err and {} or nodes`,
  };
}
