-- Renews a lease, or says that the work is done. KEYS: the session. ARGV: id, claim, lease or ''.
local r,fault=session(ARGV[5])
if fault then return fault end
if not r or not r.q or text(r.q)~=ARGV[6] then return {'no',text(now)} end
if ARGV[7]~='' then
  redis.call('ZADD',WORK,text(now+tonumber(ARGV[7])),r.id)
  return {'yes',text(now)}
end
r.q,r.qo,r.et,r.lb=nil,nil,nil,nil
put(r)
redis.call('ZREM',WORK,r.id)
-- From here on only the tombstone is needed, until nobody can ask for it.
redis.call('PEXPIRE',r.key,text(math.max(r.a,r.e+HOUR,now+1)-now))
return {'yes',text(now)}
