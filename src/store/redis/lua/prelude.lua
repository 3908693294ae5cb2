-- What every script but the hottest begins with. KEYS: cuts, meta, due, work and ids of one shard, then the script's own.
-- ARGV: where the shard's keys begin, the channel, the node, the shard, then the script's own.
-- A script is not rolled back: everything is read and checked before the first write.
local P,CHANNEL,NODE,SHARD=ARGV[1],ARGV[2],ARGV[3],ARGV[4]
local CUTS,META,DUE,WORK,IDS=KEYS[1],KEYS[2],KEYS[3],KEYS[4],KEYS[5]
local FORMAT,LAYOUT,NAMES='@format@','@layout@',{@names@}
local NO_HASH=string.rep('\0',32)
local NOTHING={@nothing@}
local IDLE,ABSOLUTE,LOST='@idle@','@absolute@','@lost@'
local HOUR,WEEK,LIFETIME=3600000,604800000,600000
@now@

local function text(number) return string.format('%.0f',number) end

for k,kind in ipairs({'hash','hash','zset','zset','zset'}) do
  local found=redis.call('TYPE',KEYS[k]).ok
  if found~='none' and found~=kind then return {'type',text(now),KEYS[k],kind} end
end
local meta=redis.call('HMGET',META,'gen','seq','claim','forgot','key')
for k=1,4 do
  if meta[k] and not string.find(meta[k],'^%d+$') then return {'type',text(now),META,'hash'} end
end
local generation,forgot=tonumber(meta[1] or 0),tonumber(meta[4] or 0)

-- Whether subjects are routed here by another key; nothing when all is well.
local function strange(key,adopt)
  if meta[5]==key or (not meta[5] and adopt=='1') then return nil end
  return {meta[5] and 'rekeyed' or 'keyless',text(now)}
end

local function adopt_key(key)
  if not meta[5] then redis.call('HSET',META,'key',key) end
end

-- A session from the string that is stored; nothing when it is none.
local function parsed(row)
  local found={pcall(struct.unpack,LAYOUT,row)}
  -- Whether it could be read, the format, the fields, and where something else would begin.
  if not found[1] or found[2]~=FORMAT or found[#NAMES+3]~=#row+1 then return nil end
  local r={row=row}
  for k,name in ipairs(NAMES) do
    local value,nothing=found[k+2],NOTHING[name]
    if value~=nothing then r[name]=value end
    if nothing==-1 and value<-1 then return nil end
  end
  return r.s and r.g and r.c and r.w and r.a and r.l and r.r and r.b and r
end

-- Stores a session as it is now; when it expires stays as it was.
local function put(r)
  local parts={}
  for _,name in ipairs(NAMES) do
    local value=r[name] or NOTHING[name]
    if NOTHING[name]=='' then parts[#parts+1]=#value end
    parts[#parts+1]=value
  end
  r.row=struct.pack(LAYOUT,FORMAT,unpack(parts))
  redis.call('SET',r.key,r.row,'KEEPTTL')
end

-- Nothing when the key is of this kind, or not there. A key that was not declared may be on its way to another node.
local function mistyped(key,kind)
  local found=redis.pcall('TYPE',key)
  if found.err then return {'moving',text(now),key} end
  if found.ok~='none' and found.ok~=kind then return {'type',text(now),key,kind} end
end

-- A session that can be read; else nothing, and the fault if there is one, and whether it is forgotten.
local function session(id)
  local key=P..'s:'..id
  local row=redis.pcall('GET',key)
  if not row then return nil end
  if row.err then return nil,mistyped(key,'string') or {'moving',text(now),key} end
  local r=parsed(row)
  if not r then return nil,{'damaged',text(now),{id,row}} end
  r.id,r.key=id,key
  if r.u then
    local fault=mistyped(P..'u:'..r.u,'zset')
    if fault then return nil,fault end
  end
  if r.e and not r.q and math.max(r.a,r.e+HOUR)<=now then return nil,nil,true end
  return r
end

-- The cuts in a list, newest first: each as generation, instant, created before, token, cause, where it stops.
local function next_cut(list,from)
  local _,stop,gen,at,before,token,cause=string.find(list,'^(%d+) (%d+) (%S+) (%S+) ([^\n]*)\n',from)
  if not stop then return nil end
  return {gen=tonumber(gen),at=tonumber(at),before=before,token=token,cause=cause,stop=stop}
end

-- The earliest cut that covers what began with this generation at this instant; and the fault, if there is one.
local function cut_of(gen,subject,created)
  local lists=redis.call('HMGET',CUTS,'*','u'..(subject or ''))
  local found
  for k=1,2 do
    local list,from=lists[k] or '',1
    while from<=#list do
      local cut=next_cut(list,from)
      if not cut then return nil,{'type',text(now),CUTS,'hash'} end
      if cut.gen<=gen then break end
      local covers=cut.before=='-' or created<(tonumber(cut.before) or math.huge)
      if covers and (not found or cut.gen<found.gen) then found=cut end
      from=cut.stop+1
    end
  end
  return found
end

local function deadline_of(r)
  if r.i and r.l+r.i+r.w<r.a then return r.l+r.i+r.w end
  return r.a
end

-- Why a session is to end, and since when; nothing while it is live: the one predicate. The earliest cause counts, and a
-- deadline before a cut of the same millisecond.
local function due_of(r)
  local cut,fault=cut_of(r.g,r.u,r.c)
  if fault then return nil,fault end
  local deadline=deadline_of(r)
  if cut and (now<deadline or cut.at<deadline) then return {cause=cut.cause,cut=cut.gen,at=cut.at} end
  if now<deadline then return nil end
  return {cause=deadline<r.a and IDLE or ABSOLUTE,at=deadline}
end

local function is_touch_due(r) return now>r.l and now-r.l>=r.w end

local function shown(r) return {r.id,r.row} end

local gone={}

-- Ends a session that has not ended: first its tombstone, then the indexes.
local function conclude(r,due,cause,attempt,lease)
  local claim=redis.call('HINCRBY',META,'claim',1)
  local why=due and due.cause or cause
  r.e,r.ec,r.et,r.q,r.qo=now,why,attempt,claim,0
  r.ed,r.ek=due and due.at,due and due.cut
  r.d,r.gr,r.o=nil,nil,nil
  put(r)
  redis.call('PEXPIRE',r.key,text(math.max(r.a,now+HOUR)-now+WEEK))
  redis.call('ZADD',WORK,text(now+lease),r.id)
  redis.call('ZREM',DUE,'s'..r.id)
  redis.call('ZREM',IDS,r.id)
  if r.u then redis.call('ZREM',P..'u:'..r.u,r.id) end
  gone[#gone+1]={id=r.id,reason=string.match(why,'"reason":"([a-z0-9-]+)"') or '?'}
  return shown(r)
end

local function publish(what)
  local seq=redis.call('HINCRBY',META,'seq',1)
  redis.call('PUBLISH',CHANNEL,NODE..' '..SHARD..' '..text(seq)..' '..what)
end

-- Tells of what ended here: at most 300 ids a message, by reason.
local function tell()
  local by_reason={}
  for _,one in ipairs(gone) do
    local ids=by_reason[one.reason] or {}
    ids[#ids+1]=one.id
    by_reason[one.reason]=ids
  end
  for reason,ids in pairs(by_reason) do
    for from=1,#ids,300 do
      publish(reason..' '..table.concat(ids,',',from,math.min(from+299,#ids)))
    end
  end
end

