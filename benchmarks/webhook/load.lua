-- What wrk sends and how it judges the answers. Arguments: a file with one review a line, and "true" or "false".
--
-- Every request has a number of its own in its uid and its object's name. Every answer must be HTTP 200 and say what is
-- expected; the others are counted, and the first of them is shown.

local SERIAL = "000000000000"
local thread_of_load

function setup(thread)
  thread_of_load = thread
end

function init(args)
  expected = '"allowed":%s*' .. args[2]
  parts, number, right, wrong, first = {}, 0, 0, 0, ""
  for line in io.lines(args[1]) do
    local whole = wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, line)
    local pieces, from = {}, 1
    while true do
      local start, stop = whole:find(SERIAL, from, true)
      if not start then break end
      pieces[#pieces + 1] = whole:sub(from, start - 1)
      from = stop + 1
    end
    pieces[#pieces + 1] = whole:sub(from)
    parts[#parts + 1] = pieces
  end
end

function request()
  number = number + 1
  return table.concat(parts[number % #parts + 1], string.format("%012d", number))
end

function response(status, headers, body)
  if status == 200 and body:find(expected) then
    right = right + 1
  else
    wrong = wrong + 1
    if first == "" then first = status .. " " .. body:sub(1, 300) end
  end
end

function done(summary, latency, requests)
  io.write(string.format(
    '\nRESULT {"seconds": %.6f, "requests": %d, "right": %d, "wrong": %d, "socket": %d, "p50": %.3f, "p99": %.3f, "max": %.3f}\n',
    summary.duration / 1e6, summary.requests, thread_of_load:get("right"), thread_of_load:get("wrong"),
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000))
  if thread_of_load:get("first") ~= "" then io.write("FIRST ", thread_of_load:get("first"), "\n") end
end
