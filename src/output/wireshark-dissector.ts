/*
 * The part of the script for Wireshark that is the same whatever the names: a post-dissector in Lua, for Lua 5.1 to
 * 5.4, which Wireshark has had in turn. It has no operators on bits, which differ between them. What it finds before
 * it (output/wireshark-names.ts):
 *
 *   START      milliseconds since 1970 before which nothing is known; nil: never
 *   PORTS      destination ports of Geneve, VXLAN and STT, by these names in small letters
 *   GROUPS     names of multicast groups that follow from their keys
 *   DATAPATHS  by tunnel key: records of what keys in the datapath mean, 0 being its own
 *   CHASSIS    records of whose outer addresses are, the address as hexadecimal digits being the key; their kind says
 *              what the chassis is to VXLAN: hypervisor, vtep (a gateway), nothing where it has no end point of that
 *
 * A record is a line of fields between tabs: key, from, until (milliseconds since 1970; empty: open), name, kind or
 * type, chassis, the name that people know, and the name to show where that is another one than the name.
 */

/** How many colours datapaths have. */
const COLORS = 8;

export const DISSECTOR = String.raw`
local ovn = Proto("ovn", "Open Virtual Network")

local f = {
  datapath_key = ProtoField.uint24("ovn.datapath_key", "Datapath key", base.DEC),
  ingress_key = ProtoField.uint16("ovn.ingress_key", "Ingress key", base.DEC, nil, 0x7fff),
  egress_key = ProtoField.uint16("ovn.egress_key", "Egress key", base.DEC),
  unresolved = ProtoField.bool("ovn.unresolved", "A key has no name"),
  bfd = ProtoField.bool("ovn.bfd", "Tunnel BFD"),
  vtep = ProtoField.bool("ovn.vtep", "Tunnel of a VTEP gateway"),
  assumed = ProtoField.bool("ovn.assumed", "Nobody says that the tunnel is OVN's"),
  color = ProtoField.uint8("ovn.color", "Colour of the datapath", base.DEC),
}
local function text(name, label)
  f[name] = ProtoField.string("ovn." .. name, label, base.UNICODE)
end
text("datapath", "Datapath")
text("datapath.kind", "Datapath kind")
text("datapath.friendly", "Datapath known as")
text("inport", "Ingress port")
text("inport.type", "Ingress port type")
text("inport.chassis", "Ingress port's chassis")
text("inport.friendly", "Ingress port known as")
text("outport", "Egress port")
text("outport.type", "Egress port type")
text("outport.chassis", "Egress port's chassis")
text("outport.friendly", "Egress port known as")
text("chassis.src", "Source chassis")
text("chassis.dst", "Destination chassis")
ovn.fields = f

ovn.prefs.info = Pref.bool("Names in the Info column", true, "Put the names of datapath and ports in front of the Info column")

local epoch = Field.new("frame.time_epoch")
local bfd = Field.new("bfd")
local sources = { Field.new("ip.src"), Field.new("ipv6.src") }
local destinations = { Field.new("ip.dst"), Field.new("ipv6.dst") }
local messages = { Field.new("icmp"), Field.new("icmpv6") }
local source_port, destination_port = Field.new("udp.srcport"), Field.new("udp.dstport")

-- Records as a table: by key, in the order of time.
local function parse(records)
  local keys = {}
  local line = ("([^\t\n]*)\t"):rep(7) .. "([^\t\n]*)\n"
  for key, from, to, name, kind, chassis, friendly, label in records:gmatch(line) do
    local versions = keys[key]
    if versions == nil then
      versions = {}
      keys[key] = versions
    end
    versions[#versions + 1] = {
      from = tonumber(from) or -math.huge,
      to = tonumber(to),
      name = name,
      kind = kind,
      chassis = chassis,
      friendly = friendly,
      label = label ~= "" and label or name,
    }
  end
  return keys
end

-- What keys of a datapath mean, parsed when it is first met.
local function keys_of(datapath)
  local keys = DATAPATHS[datapath]
  if type(keys) == "string" then
    keys = parse(keys)
    DATAPATHS[datapath] = keys
  end
  return keys
end

-- The version that held at a time, or nil.
local function at(versions, time)
  if versions == nil then return nil end
  local low, high = 0, #versions
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if versions[middle].from <= time then low = middle else high = middle - 1 end
  end
  local found = versions[low]
  if found ~= nil and (found.to == nil or time < found.to) then return found end
  return nil
end

local function look_up(datapath, key, time)
  if START ~= nil and time < START then return nil end
  local keys = keys_of(datapath)
  local found = keys and at(keys[string.format("%d", key)], time)
  if found == nil and GROUPS[key] ~= nil then
    found = { name = GROUPS[key], label = GROUPS[key], kind = "multicast", chassis = "", friendly = "" }
  end
  return found
end

-- Milliseconds since 1970; without a date the latest.
local function packet_time()
  local info = epoch()
  if info == nil then return math.huge end
  return info.value.secs * 1000 + info.value.nsecs / 1e6
end

-- The address in front of the tunnel's header; where that was put together from fragments, the frame's first.
local function outer(fields, start)
  local first
  for _, field in ipairs(fields) do
    local last
    for _, info in ipairs({ field() }) do
      if info.offset < start and (last == nil or info.offset > last.offset) then last = info end
      if first == nil or info.offset < first.offset then first = info end
    end
    if last ~= nil then return last end
  end
  return first
end

local function chassis_at(address, time)
  if address == nil or (START ~= nil and time < START) then return nil end
  if type(CHASSIS) == "string" then CHASSIS = parse(CHASSIS) end
  return at(CHASSIS[tostring(address.range:bytes()):upper()], time)
end

local function value_at(field, offset)
  for _, info in ipairs({ field() }) do
    if info.offset == offset then return info.value end
  end
  return nil
end

-- Where the data of OVN's option is in a Geneve header; nil where there is none.
local function find_option(header)
  local room = header:len()
  if room < 8 or header(0, 1):uint() >= 64 then return nil end
  local last = math.min(room, 8 + header(0, 1):uint() % 64 * 4)
  local next = 8
  while next + 4 <= last do
    local bytes = header(next + 3, 1):uint() % 32 * 4
    if next + 4 + bytes > last then return nil end
    if header(next, 2):uint() == 0x0102 and header(next + 2, 1):uint() == 0x80 then
      if bytes == 4 then return next + 4 end
    end
    next = next + 4 + bytes
  end
  return nil
end

-- What headers say. Each function takes a header's bytes and what the chassis at its ends are to VXLAN, and gives nil
-- where the tunnel is not OVN's, else: the bytes to mark (header), the identifier (vni), and for each key a range and,
-- where that has more than the key, the value. Without keys (is_keyless) it may be BFD between the ends.
local function read_geneve(header)
  if header:len() < 8 or header(0, 1):uint() >= 64 then return nil end
  local vni, option = header(4, 3), find_option(header)
  if option == nil then
    if header(0, 1):uint() ~= 0 or vni:uint() ~= 0 then return nil end
    return { header = header(0, 8), datapath = { vni, 0 }, is_keyless = true }
  end
  local ingress, egress = header(option, 2), header(option + 2, 2)
  return {
    header = header(option, 4),
    datapath = { vni, vni:uint() },
    ingress = { ingress, ingress:uint() % 32768 },
    egress = { egress, egress:uint() },
  }
end

-- Between hypervisors, from the lowest bit: 12 bits of datapath key, 11 of egress key, one that it is a group's. To
-- and from a VTEP gateway all of it is the datapath key.
local function read_vxlan(header, ends)
  if header:len() < 8 or math.floor(header(0, 1):uint() / 8) % 2 == 0 then return nil end
  local vni = header(4, 3)
  if vni:uint() == 0 then return { header = header(0, 8), datapath = { vni, 0 }, is_keyless = true } end
  if not ends.unknown and ends.stranger and (ends.vtep or not ends.hypervisor) then return nil end
  if not ends.unknown and ends.vtep then return { header = vni, datapath = { vni, vni:uint() }, vtep = true } end
  local datapath_key, high = vni:uint() % 4096, math.floor(vni:uint() / 4096)
  if datapath_key == 0 then return nil end
  local egress_key = high < 2048 and high or 32768 + high - 2048
  return {
    header = vni,
    datapath = { header(5, 2), datapath_key },
    egress = egress_key ~= 0 and { header(4, 2), egress_key } or nil,
    assumed = ends.unknown or ends.stranger,
  }
end

-- Nine bits that are 0, the ingress key, the egress key, the datapath key.
local function read_stt(context)
  local ingress, egress, datapath = context(1, 2), context(3, 2), context(5, 3)
  local is_none = context(0, 3):uint() == 0 and egress:uint() == 0 and datapath:uint() == 0
  if is_none then return { header = context, datapath = { datapath, 0 }, is_keyless = true } end
  if context(0, 3):uint() >= 32768 or datapath:uint() == 0 then return nil end
  return {
    header = context,
    datapath = { datapath, datapath:uint() },
    ingress = { ingress, ingress:uint() },
    egress = { egress, egress:uint() },
  }
end

local function set_of(list, usual)
  local set = { [usual] = true }
  for _, each in ipairs(list) do set[each] = true end
  return set
end

local tunnels = {
  { field = Field.new("geneve"), read = read_geneve, ports = set_of(PORTS.geneve, 6081) },
  { field = Field.new("vxlan"), read = read_vxlan, ports = set_of(PORTS.vxlan, 4789) },
  { field = Field.new("stt.context_id"), read = read_stt },
}

local function value_at(field, offset)
  for _, info in ipairs({ field() }) do
    if info.offset == offset then return info.value end
  end
  return nil
end

-- Wireshark takes what comes from a tunnel's port for a tunnel's packet, too, but the port it goes to says that.
local function is_answer(ports, start)
  return ports ~= nil and ports[value_at(source_port, start - 8)] and not ports[value_at(destination_port, start - 6)]
end

-- Whether an ICMP message quotes what is there: a packet that did not get where it was to go.
local function is_quoted(start)
  for _, message in ipairs(messages) do
    local found = message()
    if found ~= nil and found.offset < start then return true end
  end
  return false
end

-- The outermost tunnel's header, and what reads it; nil where there is none.
local function find_tunnel()
  local layer, tunnel
  for _, each in ipairs(tunnels) do
    local found = each.field()
    if found ~= nil and (layer == nil or found.offset < layer.offset) then layer, tunnel = found, each end
  end
  if layer == nil or is_answer(tunnel.ports, layer.offset) or is_quoted(layer.offset) then return nil end
  return layer, tunnel
end

-- A name, and what is known beside it; empty texts are unknown.
local function add_name(tree, name, found, kind)
  if found == nil then return end
  local function add(field, value)
    if value ~= "" then tree:add(f[field], value):set_generated() end
  end
  add(name, found.name)
  add(name .. "." .. kind, found.kind)
  add(name .. ".chassis", found.chassis)
  add(name .. ".friendly", found.friendly)
end

local function label_of(found)
  return found ~= nil and found.label ~= "" and found.label or "?"
end

-- What somebody at an end of a tunnel is to VXLAN.
local function end_of(chassis, time)
  if START ~= nil and time < START then return "unknown" end
  return chassis ~= nil and chassis.kind ~= "" and chassis.kind or "stranger"
end

function ovn.dissector(_, pinfo, root)
  local layer, tunnel = find_tunnel()
  if layer == nil then return end
  local time = packet_time()
  local source, destination = outer(sources, layer.offset), outer(destinations, layer.offset)
  local from, to = chassis_at(source, time), chassis_at(destination, time)
  local found = tunnel.read(layer.range, { [end_of(from, time)] = true, [end_of(to, time)] = true })
  if found == nil then return end
  local datapath_range, datapath_key = found.datapath[1], found.datapath[2]
  if found.is_keyless and bfd() == nil then return end

  local ends = (from and from.name or source and tostring(source.value) or "?") ..
    " > " .. (to and to.name or destination and tostring(destination.value) or "?")
  local tree
  if found.is_keyless then
    tree = root:add(ovn, found.header, "OVN: " .. ends .. " tunnel BFD")
    tree:add(f.datapath_key, datapath_range, datapath_key)
    tree:add(f.bfd, true):set_generated()
  else
    local datapath = look_up(datapath_key, 0, time)
    local function port_of(key)
      return key ~= nil and key[2] ~= 0 and look_up(datapath_key, key[2], time) or nil
    end
    local inport, outport = port_of(found.ingress), port_of(found.egress)
    local names = label_of(datapath) .. ": " .. label_of(inport) .. " -> " .. label_of(outport)
    tree = root:add(ovn, found.header, "OVN: " .. ends .. " " .. names)
    tree:add(f.datapath_key, datapath_range, datapath_key)
    add_name(tree, "datapath", datapath, "kind")
    if found.ingress ~= nil then tree:add(f.ingress_key, found.ingress[1]) end
    add_name(tree, "inport", inport, "type")
    if found.egress ~= nil then tree:add(f.egress_key, found.egress[1], found.egress[2]) end
    add_name(tree, "outport", outport, "type")
    local is_lost = found.ingress ~= nil and inport == nil
    if found.egress ~= nil and found.egress[2] ~= 0 and outport == nil then is_lost = true end
    if datapath == nil or is_lost then tree:add(f.unresolved, true):set_generated() end
    if found.vtep then tree:add(f.vtep, true):set_generated() end
    if found.assumed then tree:add(f.assumed, true):set_generated() end
    tree:add(f.color, datapath_key % ${COLORS}):set_generated()
    if ovn.prefs.info then pinfo.cols.info:prepend(names .. "  ") end
  end
  if from ~= nil then tree:add(f["chassis.src"], from.name):set_generated() end
  if to ~= nil then tree:add(f["chassis.dst"], to.name):set_generated() end
end

register_postdissector(ovn)

-- Wireshark knows the usual ports of these.
local udp = DissectorTable.get("udp.port")
local function decode_as(decoder, ports)
  for _, port in ipairs(ports) do
    if decoder ~= nil then udp:add(port, decoder) end
  end
end
decode_as(udp:get_dissector(6081), PORTS.geneve)
decode_as(udp:get_dissector(4789), PORTS.vxlan)
`;

/** Backgrounds of datapaths, red, green and blue of 0 to 255: light, as the text on them is black. */
const BACKGROUNDS = [
  [224, 236, 255],
  [226, 245, 220],
  [255, 243, 205],
  [240, 225, 250],
  [214, 243, 243],
  [255, 228, 214],
  [238, 238, 210],
  [232, 232, 240],
] as const satisfies { length: typeof COLORS };

/** A colouring rule: its name, the filter, background and text. */
function rule(name: string, filter: string, background: readonly number[], text: readonly number[]): string {
  const color = (parts: readonly number[]) => `[${parts.map((part) => part * 257).join(",")}]`;
  return `@${name}@${filter}@${color(background)}${color(text)}\n`;
}

const BLACK = [0, 0, 0];

/** Colouring rules for Wireshark (a file "colorfilters"), which rest on the fields of the dissector. */
export function colorRules(): string {
  return [
    rule("OVN: a key without a name", "ovn.unresolved", [160, 20, 20], [255, 255, 255]),
    rule("OVN: tunnel BFD", "ovn.bfd", [245, 245, 245], [120, 120, 120]),
    ...BACKGROUNDS.map((background, color) =>
      rule(`OVN: datapaths ${color + 1} of ${COLORS}`, `ovn.color == ${color}`, background, BLACK),
    ),
  ].join("");
}
