-- KEYS: the session. ARGV: id.
local r,fault=session(ARGV[5])
if fault then return fault end
if not r or not r.e then return {'unknown',text(now)} end
return {'ended',text(now),shown(r)}
