-- KEYS: the session, the sessions of its subject. Other sessions of the subject are read by names made here: of the same slot.
local id,secret,subject=ARGV[5],ARGV[6],ARGV[7]~='' and ARGV[7]
local idle,touch,absolute=tonumber(ARGV[8]),tonumber(ARGV[9]),tonumber(ARGV[10])
local client,values=ARGV[11],ARGV[12]
local limit,refuse,replaces=tonumber(ARGV[13]),ARGV[14]=='1',ARGV[15]~='' and ARGV[15]
local ticket,issued=ARGV[16],tonumber(ARGV[17])
local attempt,lease=ARGV[18],tonumber(ARGV[19])
local superseded,reauthenticated=ARGV[20],ARGV[21]
local index=P..'u:'..(subject or '')

local fault=strange(ARGV[22],ARGV[23])
if fault then return fault end
local r,fault,forgotten=session(id)
if fault then return fault end
if forgotten then return {'conflict',text(now)} end
if r then
  local due,fault=due_of(r)
  if fault then return fault end
  if r.e or due or r.s~=secret then return {'conflict',text(now)} end
  return {'created',text(now),shown(r)}
end
if ticket~='' then
  if now-issued>LIFETIME then return {'outdated',text(now)} end
  if ticket=='?' then
    -- Read without a subject, it has no generation of this shard: then its instant counts.
    for _,field in ipairs({'*','u'..(subject or '')}) do
      local list=redis.call('HGET',CUTS,field)
      local newest=list and next_cut(list,1)
      if list and not newest then return {'type',text(now),CUTS,'hash'} end
      if newest and newest.at>=issued then return {'outdated',text(now)} end
    end
  else
    local cut,fault=cut_of(tonumber(ticket),subject,issued)
    if fault then return fault end
    if cut or tonumber(ticket)<forgot then return {'outdated',text(now)} end
  end
end

local others,replaced,stale={},nil,{}
if subject then
  fault=mistyped(index,'zset')
  if fault then return fault end
  if limit or replaces then
    for _,other in ipairs(redis.call('ZRANGE',index,0,-1)) do
      local r,fault=session(other)
      if fault then return fault end
      local due
      if r and not r.e then
        due,fault=due_of(r)
        if fault then return fault end
      end
      if not r or r.e then
        stale[#stale+1]=other
      elseif not due then
        if other==replaces then replaced=r else others[#others+1]=r end
      end
    end
  end
end
local surplus=limit and #others+1-limit or 0
if surplus>0 and refuse then return {'limit',text(now)} end

adopt_key(ARGV[22])
local ended={}
for k=1,surplus do ended[#ended+1]=conclude(others[k],nil,superseded,attempt,lease) end
if replaced then ended[#ended+1]=conclude(replaced,nil,reauthenticated,attempt,lease) end
for _,other in ipairs(stale) do redis.call('ZREM',index,other) end
local gen=redis.call('HINCRBY',META,'gen',1)
r={id=id,key=KEYS[6],s=secret,u=subject,g=gen,b=gen,c=now,n=now,l=now,a=now+absolute,i=idle,w=touch,r=0,cl=client,d=values}
put(r)
redis.call('PEXPIRE',r.key,text(absolute+WEEK))
redis.call('ZADD',DUE,text(deadline_of(r)),'s'..id)
redis.call('ZADD',IDS,gen,id)
if subject then redis.call('ZADD',index,gen,id) end
tell()
local answer={'created',text(now),shown(r)}
for _,one in ipairs(ended) do answer[#answer+1]=one end
return answer
