-- The live sessions of a subject. KEYS: its sessions. ARGV: the routing key's print, '1' to adopt it.
local fault=strange(ARGV[5],ARGV[6])
if fault then return fault end
fault=mistyped(KEYS[6],'zset')
if fault then return fault end
local answer={'list',text(now)}
for _,id in ipairs(redis.call('ZRANGE',KEYS[6],0,-1)) do
  local r,fault=session(id)
  local due
  if r and not r.e then due,fault=due_of(r) end
  if fault then return fault end
  if r and not r.e and not due then answer[#answer+1]=shown(r) end
end
adopt_key(ARGV[5])
return answer
