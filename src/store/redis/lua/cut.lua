-- Cuts a subject, or everybody in this shard. ARGV: field ('*', or 'u' and the subject), created before or '-', cause,
-- token, kept id or '', what to tell or '', the routing key's print, '1' to adopt it; then, the generation to take if it
-- is free, or ''; and to put back a cut that the server lost, its instant. KEYS: the kept session, if one is.
local field,before,cause,token,kept=ARGV[5],ARGV[6],ARGV[7],ARGV[8],ARGV[9]
local wanted,instant=tonumber(ARGV[13]),tonumber(ARGV[14])
local fault=field~='*' and strange(ARGV[11],ARGV[12])
if fault then return fault end
local list,from=redis.call('HGET',CUTS,field) or '',1
while from<=#list do
  local cut=next_cut(list,from)
  if not cut then return {'type',text(now),CUTS,'hash'} end
  if cut.token==token then
    -- Written once more, for a WAIT behind it.
    redis.call('HSET',CUTS,field,list)
    return {'cut',text(now),text(cut.gen),text(cut.at)}
  end
  from=cut.stop+1
end
local r
if kept~='' then
  r,fault=session(kept)
  if fault then return fault end
  local due
  if r and not r.e then due,fault=due_of(r) end
  if fault then return fault end
  if r and (r.e or due or 'u'..(r.u or '')~=field) then r=nil end
end

if field~='*' then adopt_key(ARGV[11]) end
local gen,at=wanted,instant or now
if instant then
  -- Sessions that started since must not be covered, though the server may hand out their numbers once more.
  before=text(math.min(tonumber(before) or instant,instant))
else
  gen=math.max(wanted or 0,generation+1)
end
if generation<gen then redis.call('HSET',META,'gen',text(gen)) end
if r and r.g<gen then
  r.g=gen
  put(r)
  redis.call('ZADD',P..'u:'..r.u,text(gen),r.id)
end
local line=text(gen)..' '..text(at)..' '..before..' '..token..' '..cause..'\n'
local place=1
while place<=#list do
  local cut=next_cut(list,place)
  if cut.gen<gen then break end
  place=cut.stop+1
end
redis.call('HSET',CUTS,field,string.sub(list,1,place-1)..line..string.sub(list,place))
redis.call('HDEL',META,'w'..field)
redis.call('ZADD',DUE,'0','c'..field)
if ARGV[10]~='' then publish('! '..ARGV[10]) end
return {'cut',text(now),text(gen),text(at)}
