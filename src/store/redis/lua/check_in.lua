-- The hot path: flat, without functions. KEYS: the session, the cuts of its shard. ARGV: the secret, '1' for activity.
local v=redis.pcall('HMGET',KEYS[1],@fields@)
if v.err then return {'type','0',KEYS[1],'hash'} end
if not v[1] and redis.call('EXISTS',KEYS[1])==0 then return {'unknown','0'} end
@now@
local shown=string.format('%.0f',now)
local g,c,w,a,l=tonumber(v[5] or ''),tonumber(v[7] or ''),tonumber(v[10] or ''),tonumber(v[11] or ''),tonumber(v[12] or '')
local i,e,pu=v[9] and tonumber(v[9]),v[18] and tonumber(v[18]),tonumber(v[4] or 0)
if v[1]~='1' or not (v[2] and g and c and w and a and l and pu) or (v[9] and not i) or (v[18] and not e) then
  return {'damaged',shown,cmsgpack.pack(v)}
end
if e and not v[23] and math.max(a,e+3600000)<=now then return {'unknown',shown} end
local previous=v[2]~=ARGV[1]
if previous and (not v[3] or v[3]~=ARGV[1]) then return {'wrong',shown} end
if e then return {'ended',shown,cmsgpack.pack(v)} end
local cuts=redis.pcall('HMGET',KEYS[2],'*','u'..(v[6] or ''))
if cuts.err then return {'type','0',KEYS[2],'hash'} end
local first,cut_at,cause
for k=1,2 do
  local list,from=cuts[k] or '',1
  while from<=#list do
    local _,stop,gen,at,before,_,why=string.find(list,'^(%d+) (%d+) (%S+) (%S+) ([^\n]*)\n',from)
    if not stop then return {'type','0',KEYS[2],'hash'} end
    gen=tonumber(gen)
    if gen<=g then break end
    if (before=='-' or c<(tonumber(before) or math.huge)) and (not first or gen<first) then
      first,cut_at,cause=gen,tonumber(at),why
    end
    from=stop+1
  end
end
local deadline=a
if i and l+i+w<a then deadline=l+i+w end
if first and (now<deadline or cut_at<deadline) then return {'due',shown,cause} end
if now>=deadline then return {'due',shown,deadline<a and '@idle@' or '@absolute@'} end
if previous and now>=pu then return {'outdated',shown} end
if not previous and pu>0 then
  redis.call('HSET',KEYS[1],'pu','0')
  v[4]='0'
end
if ARGV[2]=='1' and now>l and now-l>=w then
  redis.call('HSET',KEYS[1],'l',shown)
  v[12]=shown
end
return {'live',shown,cmsgpack.pack(v)}
