-- By id alone. ARGV: id, '1' for activity. KEYS: the session.
local r,fault=session(ARGV[5])
if fault then return fault end
if not r then return {'unknown',text(now)} end
if r.e then return {'ended',text(now),r.ec} end
local due,fault=due_of(r)
if fault then return fault end
if due then return {'due',text(now),due.cause} end
if ARGV[6]=='1' and is_touch_due(r) then
  r.l=now
  redis.call('SETRANGE',r.key,@place of l@,struct.pack('>i8',now))
end
return {'live',text(now),text(deadline_of(r)-now)}
