-- What every script but the hottest begins with. KEYS: cuts, meta, due, work and ids of one shard, then the script's own.
-- ARGV: where the shard's keys begin, the channel, the node, the shard, then the script's own.
-- A script is not rolled back: everything is read and checked before the first write.
local P,CHANNEL,NODE,SHARD=ARGV[1],ARGV[2],ARGV[3],ARGV[4]
local CUTS,META,DUE,WORK,IDS=KEYS[1],KEYS[2],KEYS[3],KEYS[4],KEYS[5]
local FIELDS={@fields@}
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

local function row_of(key) return redis.pcall('HMGET',key,unpack(FIELDS)) end

-- Nothing when the key is of this kind, or not there. A key that was not declared may be on its way to another node.
local function mistyped(key,kind)
  local found=redis.pcall('TYPE',key)
  if found.err then return {'moving',text(now),key} end
  if found.ok~='none' and found.ok~=kind then return {'type',text(now),key,kind} end
end

-- A session that can be read; else nothing, and the fault if there is one, and whether it is forgotten.
local function session(id)
  local key=P..'s:'..id
  local row=row_of(key)
  if row.err then return nil,mistyped(key,'hash') or {'moving',text(now),key} end
  if not row[1] and redis.call('EXISTS',key)==0 then return nil end
  local r={id=id,key=key,row=row}
  for k,name in ipairs(FIELDS) do r[name]=row[k] end
  local sound=r.v=='1' and r.s
  for _,name in ipairs({'g','c','w','a','l','r','b'}) do
    r[name]=r[name] and tonumber(r[name])
    sound=sound and r[name]
  end
  for _,name in ipairs({'i','e','pu','q'}) do
    if r[name] then
      r[name]=tonumber(r[name])
      sound=sound and r[name]
    end
  end
  if not sound then return nil,{'damaged',text(now),{id,cmsgpack.pack(row)}} end
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

-- A session as it was read, and as it is now: its fields in one string, which costs both sides less than 25.
local function shown(r) return {r.id,cmsgpack.pack(r.row)} end
local function answer_of(r) return {r.id,cmsgpack.pack(row_of(r.key))} end

local gone={}

-- Ends a session that has not ended: first its tombstone, then the indexes.
local function conclude(r,due,cause,attempt,lease)
  local claim=redis.call('HINCRBY',META,'claim',1)
  local why=due and due.cause or cause
  redis.call('HSET',r.key,'e',text(now),'ec',why,'et',attempt,'q',claim,'qo','0')
  if due then redis.call('HSET',r.key,'ed',text(due.at)) end
  if due and due.cut then redis.call('HSET',r.key,'ek',text(due.cut)) end
  redis.call('HDEL',r.key,'d','gr','o')
  redis.call('PEXPIRE',r.key,text(math.max(r.a,now+HOUR)-now+WEEK))
  redis.call('ZADD',WORK,text(now+lease),r.id)
  redis.call('ZREM',DUE,'s'..r.id)
  redis.call('ZREM',IDS,r.id)
  if r.u then redis.call('ZREM',P..'u:'..r.u,r.id) end
  gone[#gone+1]={id=r.id,reason=string.match(why,'"reason":"([a-z0-9-]+)"') or '?'}
  return answer_of(r)
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

