-- One part of a sweep of one shard. ARGV: how many may end, how many are looked at, attempt, lease.
-- Answers whether there may be more, then each that ended, and what could not be read.
local limit,most=tonumber(ARGV[5]),tonumber(ARGV[6])
local attempt,lease=ARGV[7],tonumber(ARGV[8])
local answer={'swept',text(now),'0'}
local looked,ended,full=0,0,false

-- The hash of no secret that anybody could find.
local NOBODYS=string.rep('\255',32)

-- A due entry whose record is gone: its subject is not known any more, nor anything else.
local function lost(id,score)
  local at=tonumber(score) or now
  local r={id=id,key=P..'s:'..id,s=NOBODYS,g=0,b=0,c=at,n=at,w=0,a=at,l=at,r=0}
  return conclude(r,{cause=LOST,at=at},LOST,attempt,lease)
end

local function put_off(entry,fault)
  -- Unreadable here, perhaps not for a newer node: looked at again in a minute. On its way to another node: soon.
  local is_moving=fault[1]=='moving'
  redis.call('ZADD',DUE,text(now+(is_moving and 500 or 60000)),entry)
  if is_moving then return end
  answer[#answer+1]={'unread',fault[1],fault[3],fault[4] or ''}
end

-- Ends a session if it is due, else looks at it again at its deadline. False when it is due and none may end any more; and
-- whether it could not be read.
local function settle(id,score,index)
  looked=looked+1
  local r,fault,forgotten=session(id)
  local due
  if r and not r.e then due,fault=due_of(r) end
  if fault then
    put_off('s'..id,fault)
    return true,true
  end
  local is_lost=not r and not forgotten and not index
  if not r and not is_lost or r and r.e then
    redis.call('ZREM',index or DUE,index and id or 's'..id)
    return true
  end
  if r and not due then
    redis.call('ZADD',DUE,text(deadline_of(r)),'s'..id)
    return true
  end
  if ended>=limit then
    full=true
    return false
  end
  ended=ended+1
  answer[#answer+1]={'ended',is_lost and lost(id,score) or conclude(r,due,LOST,attempt,lease)}
  return true
end

-- Forgets the cuts that no ticket can meet any more, once every session that they cover has been seen.
local function close(field,list)
  local kept,oldest,from={},nil,1
  while from<=#list do
    local cut=next_cut(list,from)
    if cut.at+LIFETIME<now then
      forgot=math.max(forgot,cut.gen)
    else
      kept[#kept+1]=string.sub(list,from,cut.stop)
      oldest=math.min(oldest or cut.at,cut.at)
    end
    from=cut.stop+1
  end
  redis.call('HSET',META,'forgot',text(forgot))
  if oldest then
    redis.call('HSET',META,'w'..field,'done')
    redis.call('HSET',CUTS,field,table.concat(kept))
    redis.call('ZADD',DUE,text(oldest+LIFETIME+1),'c'..field)
  else
    redis.call('HDEL',META,'w'..field)
    redis.call('HDEL',CUTS,field)
    redis.call('ZREM',DUE,'c'..field)
  end
end

-- Looks at the sessions that cuts of this field may cover, from where the last part stopped. One that cannot be read may
-- be covered: the cuts stay, or it would be live again for who can read it.
local function walk(field,list)
  local index=field=='*' and IDS or P..'u:'..string.sub(field,2)
  local fault=mistyped(index,'zset')
  if fault then return put_off('c'..field,fault) end
  local from=tonumber(redis.call('HGET',META,'w'..field) or 0) or 0
  local newest=next_cut(list,1).gen
  local found=redis.call('ZRANGEBYSCORE',index,'('..text(from),'('..text(newest),'WITHSCORES','LIMIT',0,most)
  for k=1,#found,2 do
    local settled,unread=settle(found[k],nil,index)
    if not settled then break end
    if unread then redis.call('HSET',META,'y'..field,'1') end
    from=tonumber(found[k+1])
  end
  if full or #found>=2*most then
    redis.call('HSET',META,'w'..field,text(from))
  elseif redis.call('HDEL',META,'y'..field)==1 then
    redis.call('HDEL',META,'w'..field)
    redis.call('ZADD',DUE,text(now+60000),'c'..field)
  else
    close(field,list)
  end
end

local function look_at_cuts(field)
  local list,from=redis.call('HGET',CUTS,field),1
  looked=looked+1
  if not list then return redis.call('ZREM',DUE,'c'..field) end
  while from<=#list do
    local cut=next_cut(list,from)
    if not cut then return put_off('c'..field,{'type','',CUTS,'hash'}) end
    from=cut.stop+1
  end
  local is_walked=redis.call('HGET',META,'w'..field)=='done'
  if #list==0 or is_walked then close(field,list) else walk(field,list) end
end

local agenda=redis.call('ZRANGEBYSCORE',DUE,'-inf',text(now),'WITHSCORES','LIMIT',0,most)
for k=1,#agenda,2 do
  local kind,name,score=string.sub(agenda[k],1,1),string.sub(agenda[k],2),agenda[k+1]
  if kind=='s' then
    settle(name,score)
  elseif kind=='c' then
    look_at_cuts(name)
  else
    redis.call('ZREM',DUE,agenda[k])
  end
  if full or looked>=most then break end
end
tell()
if full or looked>=most then answer[3]='1' end
return answer
