-- The hot path: flat, and nothing of the prelude. Of any number of sessions, each judged for itself. KEYS: of each the session and the
-- cuts of its shard. ARGV: of each the secret, and '1' for activity.
-- What costs the server is each command, and each string that it and the script hand each other: so a session is one string,
-- of which only what is judged is taken apart, and which is answered as it is. No number of it is text.
@now@
-- Why the server refuses it; nothing when it is written. Nobody else is to fail with it.
local function write(key,place,number)
  local done=redis.pcall('SETRANGE',key,place,struct.pack('>i8',number))
  return type(done)=='table' and done.err or nil
end
local function judged(key,cuts_key,secret,is_active)
  local row=redis.pcall('GET',key)
  if not row then return {'unknown',now} end
  if row.err then return {'type',now,key,'string'} end
  local sound,format,@judged@=pcall(struct.unpack,'@layout judged@',row)
  if not sound or format~='@format@' or g<0 or c<0 or w<0 or a<0 or l<0 then return {'damaged',now,row} end
  if e>=0 and q<0 and math.max(a,e+3600000)<=now then return {'unknown',now} end
  local previous=s~=secret
  if previous and (pu<0 or p~=secret) then return {'wrong',now} end
  if e>=0 then return {'ended',now,row} end
  local cuts=redis.pcall('HMGET',cuts_key,'*','u'..u)
  if cuts.err then return {'type',now,cuts_key,'hash'} end
  local first,cut_at,cause
  for k=1,2 do
    local list,from=cuts[k] or '',1
    while from<=#list do
      local _,stop,gen,at,before,_,why=string.find(list,'^(%d+) (%d+) (%S+) (%S+) ([^\n]*)\n',from)
      if not stop then return {'type',now,cuts_key,'hash'} end
      gen=tonumber(gen)
      if gen<=g then break end
      if (before=='-' or c<(tonumber(before) or math.huge)) and (not first or gen<first) then
        first,cut_at,cause=gen,tonumber(at),why
      end
      from=stop+1
    end
  end
  local deadline=a
  if i>=0 and l+i+w<a then deadline=l+i+w end
  if first and (now<deadline or cut_at<deadline) then return {'due',now,cause} end
  if now>=deadline then return {'due',now,deadline<a and '@idle@' or '@absolute@'} end
  if previous and now>=pu then return {'outdated',now} end
  local is_grace_over=not previous and pu>0
  local is_touch_due=is_active=='1' and now>l and now-l>=w
  local refused=is_grace_over and write(key,@place of pu@,0) or is_touch_due and write(key,@place of l@,now)
  if refused then return {'refused',now,refused} end
  if is_grace_over or is_touch_due then row=redis.call('GET',key) end
  return {'live',now,row}
end
local answers={}
for k=1,#KEYS,2 do answers[#answers+1]=judged(KEYS[k],KEYS[k+1],ARGV[k],ARGV[k+1]) end
return answers
