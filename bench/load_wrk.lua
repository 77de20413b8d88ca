-- Requests from a file of draws: "USER" asks for a list, "USER Bearer KEY" says who asks, and
-- "USER TRACK" is a listen.
-- wrk -s bench/load_wrk.lua URL -- FILE RUN MOMENT START
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init(args)
  draws, run, moment, sent = {}, args[2], args[3], 0
  for line in io.lines(args[1]) do draws[#draws + 1] = line end
  at = math.floor(number * #draws / 2) + tonumber(args[4])  -- each thread has a half of its own
end

-- By line, made once: a client that takes long to write a request measures itself.
local asks = setmetatable({}, { __index = function(known, line)
  local user, credential = line:match("^(%S+) (Bearer %S+)$")
  local ask = (user or not line:find(" ")) and "GET /v1/users/" .. (user or line)
    .. "/recommendations?limit=20 HTTP/1.1\r\nHost: load\r\n"
    .. (user and "Authorization: " .. credential .. "\r\n" or "") .. "\r\n"
  known[line] = ask
  return ask
end })

function request()
  at = at % #draws + 1
  local ask = asks[draws[at]]
  if ask then return ask end
  local user, track = draws[at]:match("^(%S+) (%S+)$")
  sent = sent + 1
  local body = string.format(
    '{"user_id":"%s","track_id":"%s","at":"%s","id":"wrk-%s-%d-%d"}',
    user, track, moment, run, number, sent)
  return "POST /v1/listens HTTP/1.1\r\nHost: load\r\nContent-Type: application/json\r\nContent-Length: "
    .. #body .. "\r\n\r\n" .. body
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'DONE {"requests":%d,"seconds":%f,"refused":%d,"failed":%d,"p50_ms":%f,"p95_ms":%f}\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(95) / 1e3))
end
