-- KEYS: the session. ARGV: id, cause, attempt, lease.
local attempt,lease=ARGV[7],tonumber(ARGV[8])
local r,fault=session(ARGV[5])
if fault then return fault end
if not r then return {'unknown',text(now)} end
if r.e then
  if r.q and r.et==attempt and r.qo~=1 then
    redis.call('ZADD',WORK,text(now+lease),r.id)
    return {'first',text(now),shown(r)}
  end
  -- Written once more, so that a WAIT behind it speaks of this ending and not of whatever this connection wrote last.
  put(r)
  return {'already',text(now),shown(r)}
end
local due,fault=due_of(r)
if fault then return fault end
local ended=conclude(r,due,ARGV[6],attempt,lease)
tell()
return {'first',text(now),ended}
