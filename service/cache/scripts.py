"""What the Redis server does in one step.

A record is "rev:generation"; an answer begins with its rev (16 digits) and generation (16
characters). KEYS are named in full, values come in as ARGV.
"""

CLAIM = """
local record = redis.call('GET', KEYS[1])
if not record then
  record = '0:' .. ARGV[1]
  redis.call('SET', KEYS[1], record, 'PX', ARGV[2])
end
local seen = redis.call('GETRANGE', KEYS[3], 0, ARGV[6] - 1) == ARGV[5]
local held = seen and redis.call('SET', KEYS[2], ARGV[3], 'NX', 'PX', ARGV[4])
return {record, held and 1 or 0}
"""
"""KEYS record, lease, answer; ARGV new generation, placeholder ms, token, lease ms, seen, head."""

PUT = """
if redis.call('GET', KEYS[3]) == ARGV[6] then redis.call('DEL', KEYS[3]) end
local record = redis.call('GET', KEYS[1])
if not record then return 0 end
local known, generation = string.match(record, '^(%d+):(.*)$')
local rev = tonumber(ARGV[1])
if generation ~= ARGV[2] or rev < tonumber(known) then return 0 end
local stored = redis.call('GETRANGE', KEYS[2], 0, 31)
if #stored == 32 and string.sub(stored, 17) == generation
    and tonumber(string.sub(stored, 1, 16)) > rev then
  return 0
end
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
redis.call('SET', KEYS[1], ARGV[1] .. ':' .. generation, 'PX', ARGV[5])
return 1
"""
"""KEYS record, answer, lease; ARGV rev, generation, answer, answer ms, record ms, token."""

RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""
"""KEYS lease; ARGV token."""

NOTE = """
for i, key in ipairs(KEYS) do
  local rev, user = ARGV[2 + 2 * i], ARGV[3 + 2 * i]
  local known, generation = string.match(redis.call('GET', key) or '', '^(%d+):(.*)$')
  if rev == '0' or not generation then
    known, generation = '0', ARGV[1]
  end
  if tonumber(rev) > tonumber(known) then known = rev end
  redis.call('SET', key, known .. ':' .. generation, 'PX', ARGV[2])
  redis.call('PUBLISH', ARGV[3], rev .. ' ' .. user)
end
"""
"""KEYS records; ARGV new generation, record ms, channel, then rev and user id of each."""
