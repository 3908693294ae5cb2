-- ARGV: the routing key's print, '1' to adopt it.
local fault=strange(ARGV[5],ARGV[6])
if fault then return fault end
adopt_key(ARGV[5])
return {'ticket',text(now),text(generation)}
