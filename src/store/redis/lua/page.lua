-- The live sessions of a shard after a place. ARGV: the place, how many are looked at.
-- Answers how many were looked at, the place of the last, and those that are live.
local found=redis.call('ZRANGEBYSCORE',IDS,'('..ARGV[5],'+inf','WITHSCORES','LIMIT',0,ARGV[6])
local answer={'page',text(now),text(#found/2),#found>0 and found[#found] or ARGV[5]}
for k=1,#found,2 do
  local r,fault=session(found[k])
  local due
  if r and not r.e then due,fault=due_of(r) end
  if fault then return fault end
  if r and not r.e and not due then answer[#answer+1]=shown(r) end
end
return answer
