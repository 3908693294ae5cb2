-- ARGV: how many, lease. Answers the work that is taken over, and what could not be read.
local lease=tonumber(ARGV[6])
local answer={'taken',text(now)}
for _,id in ipairs(redis.call('ZRANGEBYSCORE',WORK,'-inf',text(now),'LIMIT',0,ARGV[5])) do
  local r,fault=session(id)
  if fault and fault[1]=='moving' then
    redis.call('ZADD',WORK,text(now+500),id)
  elseif fault then
    redis.call('ZADD',WORK,text(now+60000),id)
    answer[#answer+1]={'unread',fault[1],fault[3],fault[4] or ''}
  elseif not r or not r.q then
    redis.call('ZREM',WORK,id)
  else
    r.q,r.qo=redis.call('HINCRBY',META,'claim',1),1
    put(r)
    redis.call('ZADD',WORK,text(now+lease),id)
    answer[#answer+1]={'taken',shown(r)}
  end
end
return answer
