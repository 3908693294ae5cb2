-- KEYS: the session. ARGV: id, expected revision or '', token, then three lists of changes, each with its length first:
-- values and what is left behind as '0' name '' or '1' name value, grants as '1' name instant.
local r,fault=session(ARGV[5])
if fault then return fault end
if not r then return {'unknown',text(now)} end
if r.e then return {'ended',text(now),shown(r)} end
local due,fault=due_of(r)
if fault then return fault end
if due then return {'due',text(now),due.cause} end
if ARGV[6]~='' and tonumber(ARGV[6])~=r.r then
  -- A repeat after a lost reply is no conflict with itself.
  local repeated=r.o==ARGV[7]
  return {repeated and 'written' or 'conflict',text(now),shown(r)}
end

-- Names with values, in the order in which they were first set: two bytes of length, four bytes of length, name, value.
local function unpacked(packed)
  local order,values,from={},{},1
  while from<=#packed do
    if from+5>#packed then return nil end
    local name_len,value_len,at=struct.unpack('>I2I4',packed,from)
    if at+name_len+value_len-1>#packed then return nil end
    local name=string.sub(packed,at,at+name_len-1)
    order[#order+1]=name
    values[name]=string.sub(packed,at+name_len,at+name_len+value_len-1)
    from=at+name_len+value_len
  end
  return order,values
end

local function packed(order,values)
  local parts={}
  for _,name in ipairs(order) do
    local value=values[name]
    if value then parts[#parts+1]=struct.pack('>I2I4',#name,#value)..name..value end
  end
  return table.concat(parts)
end

local from=8
local function changed(old)
  local order,values=unpacked(old or '')
  if not order then return nil end
  local count=tonumber(ARGV[from])
  from=from+1
  for _=1,count do
    local set,name,value=ARGV[from],ARGV[from+1],ARGV[from+2]
    from=from+3
    if values[name]==nil then order[#order+1]=name end
    values[name]=set=='1' and value or false
  end
  return order,values
end

-- Only those that are not over.
local function running(order,values)
  for _,name in ipairs(order) do
    local till=values[name] and tonumber(values[name])
    if not till or till<=now then values[name]=false end
  end
  return packed(order,values)
end

local function damaged() return {'damaged',text(now),shown(r)} end
local order,values=changed(r.d)
if not order then return damaged() end
local data=packed(order,values)
order,values=changed(r.lb)
if not order then return damaged() end
local left=packed(order,values)
order,values=unpacked(r.gr or '')
if not order then return damaged() end
local held=running(order,values)
order,values=changed(r.gr)
local grants=running(order,values)
if data==(r.d or '') and left==(r.lb or '') and grants==held then return {'written',text(now),shown(r)} end

r.r,r.d,r.lb,r.gr=r.r+1,data,left,grants
if ARGV[6]~='' then r.o=ARGV[7] end
put(r)
return {'written',text(now),shown(r)}
