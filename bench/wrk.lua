-- Asks for the lines of the file BENCH_LIST in turn, from a place of each thread's own:
-- a path, and behind a tab a range where one is wanted.
local threads = 0
local requests, at = {}, 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init()
  for line in io.lines(os.getenv("BENCH_LIST")) do
    local path, range = line:match("([^\t]+)\t?(.*)")
    requests[#requests + 1] = wrk.format("GET", path, range ~= "" and { Range = "bytes=" .. range } or {})
  end
  at = number * 7919
end

function request()
  at = at + 1
  return requests[at % #requests + 1]
end

function done(summary)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d\n", summary.requests, summary.bytes, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout))
end
