-- KEYS: the session. ARGV: id, old secret, new secret, grace.
local r,fault=session(ARGV[5])
if fault then return fault end
if not r then return {'unknown',text(now)} end
local old,new,grace=ARGV[6],ARGV[7],tonumber(ARGV[8])
if r.s~=old and r.p~=old then return {'wrong',text(now)} end
if r.e then return {'ended',text(now),shown(r)} end
local due,fault=due_of(r)
if fault then return fault end
if due then return {'due',text(now),due.cause} end
if r.s~=old then return {r.s==new and 'written' or 'outdated',text(now)} end
r.s,r.p,r.pu=new,old,grace>0 and now+grace or 0
put(r)
return {'written',text(now)}
