"""Steps on the stream that Redis does whole or not at all."""

BURY = """
local owned = redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 1
-- A group with consumers: whoever does not own the event any more has no say. A reader has none.
if not owned and #redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1]) > 0 then return 0 end
local found = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])
local body = found[1] and found[1][2][2] or ''
redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[6], '*',
  'group', ARGV[1], 'topic', ARGV[3], 'reason', ARGV[4], 'deliveries', ARGV[5], 'body', body)
return 1
"""
REPLAY = """
local found = redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1])
if not found[1] then return 0 end
local fields = found[1][2]
for at = 1, #fields, 2 do
  if fields[at] == 'body' then redis.call('XADD', KEYS[1], '*', 'b', fields[at + 1]) end
end
redis.call('XDEL', KEYS[2], ARGV[1])
return 1
"""
TAKE_OVER = """
-- XAUTOCLAIM looks at ten events for each that is wanted and no further.
local late = redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[3], '-', '+', ARGV[4])
local taken = {}
for _, one in ipairs(late) do
  local found = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], one[1])
  local fields, body = found[1] and found[1][2] or {}, found[1] and ''
  for at = 1, #fields, 2 do
    if fields[at] == 'b' then body = fields[at + 1] end
  end
  taken[#taken + 1] = {one[1], body or false, one[4] + 1}
end
return taken
"""
HOLD = """
local held = {}
for at = 3, #ARGV do
  local owned = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[at], ARGV[at], 1, ARGV[2])
  if owned[1] then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[at], 'JUSTID')
    held[#held + 1] = ARGV[at]
  end
end
return held
"""
KEEP = """
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
if groups.err then groups = {} end
for _, group in ipairs(groups) do
  if group[2] == ARGV[1] then
    local at, was = ARGV[2], group[8]
    local a, b = string.match(at, '(%d+)-(%d+)')
    local c, d = string.match(was, '(%d+)-(%d+)')
    a, b, c, d = tonumber(a), tonumber(b), tonumber(c), tonumber(d)
    if a > c or (a == c and b > d) then redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], at) end
    return 1
  end
end
redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], ARGV[2], 'MKSTREAM')
return 1
"""
COUNT = """
return #redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[2])
"""
