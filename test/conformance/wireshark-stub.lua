-- As much of Wireshark's Lua as the script of `genevescope wireshark` calls, for versions of Lua that no Wireshark
-- here has. Arguments: the script. Each line of standard input is a packet: geneve or vxlan, its header, the outer source
-- and destination, all hexadecimal, and the time in seconds and nanoseconds. For each a line of what was added to its tree.

local packet, added, postdissector

-- From Lua 5.3 on Wireshark gives numbers that are no integers to Lua.
local function number(value) return value + 0.0 end

local range = {}
range.__index = range
range.__call = function(self, from, length)
  assert(from >= 0 and from + length <= #self.text, "out of range")
  return setmetatable({ text = self.text:sub(from + 1, from + length) }, range)
end
function range:len() return #self.text end
function range:uint()
  local value = 0
  for i = 1, #self.text do value = value * 256 + self.text:byte(i) end
  return number(value)
end
function range:bytes()
  local hex = self.text:gsub(".", function(c) return ("%02X"):format(c:byte()) end)
  return setmetatable({}, { __tostring = function() return hex end })
end

local function bytes(hex)
  local text = hex:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end)
  return setmetatable({ text = text }, range)
end

base = { DEC = 1, UNICODE = 2 }
local function field(name) return { name = name } end
ProtoField = { uint8 = field, uint16 = field, uint24 = field, bool = field, string = field }
Pref = { bool = function(_, default) return default end }
Field = {
  new = function(name)
    return function()
      local info = packet[name]
      if info == nil then return end
      return info
    end
  end,
}

function Proto(name) return { name = name, prefs = {} } end
function register_postdissector(proto) postdissector = proto end
DissectorTable = { get = function() return { get_dissector = function() end, add = function() end } end }

local tree = {}
tree.__index = tree
function tree:add(what, from, value)
  if what == postdissector then return tree end
  if value == nil then value = from end
  if getmetatable(value) == range then value = value:uint() end
  if type(value) == "number" then value = ("%d"):format(value) end
  if type(value) == "boolean" then value = value and 1 or 0 end
  added[#added + 1] = what.name:gsub("^ovn%.", "") .. "=" .. tostring(value)
  return tree
end
function tree:set_generated() end

dofile(arg[1])

for line in io.lines() do
  local kind, header, source, destination, secs, nsecs = line:match("^(%a+) (%x+) (%x+) (%x+) (%d+) (%d+)$")
  packet = {
    [kind] = { range = bytes(header), offset = number(42) },
    ["ip.src"] = { range = bytes(source), offset = number(26), value = source },
    ["ip.dst"] = { range = bytes(destination), offset = number(30), value = destination },
    ["udp.srcport"] = { value = number(50000), offset = number(34) },
    ["udp.dstport"] = { value = number(kind == "vxlan" and 4789 or 6081), offset = number(36) },
    ["frame.time_epoch"] = { value = { secs = number(tonumber(secs)), nsecs = number(tonumber(nsecs)) } },
  }
  added = {}
  local column = { prepend = function() end }
  postdissector.dissector(nil, { cols = { info = column } }, tree)
  print(table.concat(added, "\t"))
end
