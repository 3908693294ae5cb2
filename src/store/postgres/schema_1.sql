-- The tables and functions of adjourn, version 1. Instants and durations are in milliseconds (Unix time).
--
-- Each operation of the store is one function, called in a transaction of its own at READ COMMITTED: each of its
-- statements then sees what was committed before that statement, also after a wait for a lock.
--
-- What is called once for every call is in plpgsql, which keeps its plans; functions in sql are planned anew each time.
--
-- Order of locks: everybody's (advisory) -> a subject's (advisory; create and end_all only) -> sessions by id -> the rest.
-- A sweep waits for no session: it skips what is locked.
create schema if not exists @schema@;

create table @schema@.meta (
  name text not null primary key,
  number bigint not null,
  text text                         -- the name of the application; null otherwise
);
insert into @schema@.meta values ('schema', 1), ('forgotten', 0);
create sequence @schema@.generation;
create sequence @schema@.claim;

-- A session, live (ended_at is null) or ended: then the row is its tombstone, without values.
-- last_seen stands in no index, and nothing that a touch writes does: touches stay in their page.
create table @schema@.session (
  id bytea not null primary key,
  secret bytea not null,            -- BLAKE3 of the secret
  previous bytea,                   -- the one before the last rotation
  previous_until bigint,
  generation bigint not null,
  subject text collate "C",
  created_at bigint not null,
  authenticated_at bigint not null,
  idle_timeout bigint,
  touch_interval bigint not null,
  absolute_deadline bigint not null,
  last_seen bigint not null,
  look_at bigint not null,          -- not due before; re-armed when looked at
  revision bigint not null default 0,
  client text,
  value_names bytea[],
  value_data bytea[],
  grant_names bytea[],
  grant_until bigint[],
  left_names bytea[],
  left_data bytea[],
  ended_at bigint,
  cause text,
  cut bigint,
  due_at bigint,
  attempt bytea,
  keep_until bigint,
  claim bigint,                     -- of the pending work; null when there is none
  lease_until bigint,
  taken_over boolean not null default false
) with (fillfactor = 70);
create index session_live on @schema@.session (id) where ended_at is null;
create index session_subject on @schema@.session (subject, generation) where ended_at is null;
create index session_generation on @schema@.session (generation) where ended_at is null;
create index session_look_at on @schema@.session (look_at) where ended_at is null;
create index session_lease on @schema@.session (lease_until) where claim is not null;
create index session_keep on @schema@.session (keep_until) where ended_at is not null and claim is null;

-- "End everything up to now": a session with a smaller generation is cut.
create table @schema@.cut (
  generation bigint not null primary key,
  subject text collate "C",         -- null for everybody
  created_before bigint,
  cause text not null,
  at bigint not null,
  walked boolean not null default false
);
create index cut_subject on @schema@.cut (subject, generation);
create index cut_open on @schema@.cut (generation) where not walked;

create type @schema@.due as (cause text, cut bigint, at bigint);
create type @schema@.answer as (verdict text, cause text, now bigint, s @schema@.session);

-- The store's time: of the server, at this moment, and not at the start of the transaction.
create function @schema@.now_ms() returns bigint language sql volatile as $$
  select floor(extract(epoch from clock_timestamp()) * 1000)::bigint
$$;

-- Refuses where an answer could be of the past.
create function @schema@.guard() returns void language plpgsql volatile as $$
begin
  if pg_is_in_recovery() then
    raise exception 'this server is a replica: adjourn must reach the primary' using errcode = '25006';
  end if;
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'the transaction isolation is "%": adjourn needs "read committed" (default_transaction_isolation)',
      current_setting('transaction_isolation') using errcode = '25001';
  end if;
end $$;

-- For what must survive whatever happens to the server: whoever commits waits for the disk.
create function @schema@.durable() returns void language plpgsql volatile as $$
begin
  if current_setting('synchronous_commit') not in ('on', 'remote_apply') then
    perform set_config('synchronous_commit', 'on', true);
  end if;
end $$;

create function @schema@.lock_everybody(p_alone boolean) returns void language plpgsql volatile as $$
begin
  if p_alone then
    perform pg_advisory_xact_lock(hashtextextended('adjourn everybody @name@', 0));
  else
    perform pg_advisory_xact_lock_shared(hashtextextended('adjourn everybody @name@', 0));
  end if;
end $$;

create function @schema@.lock_subject(p_subject text) returns void language plpgsql volatile as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('adjourn subject @name@ ' || p_subject, 0));
end $$;

-- The earliest cut that covers a session: two short looks into one index. In plpgsql, which keeps its plans.
create function @schema@.cut_of(p_generation bigint, p_subject text, p_created_at bigint)
returns @schema@.cut language plpgsql stable as $$
declare
  everybodys @schema@.cut;
  own @schema@.cut;
begin
  select k.* into everybodys from @schema@.cut k where k.subject is null and k.generation > p_generation
    and (k.created_before is null or p_created_at < k.created_before) order by k.generation limit 1;
  if p_subject is not null then
    select k.* into own from @schema@.cut k where k.subject = p_subject collate "C" and k.generation > p_generation
      order by k.generation limit 1;
    if own.generation < everybodys.generation or everybodys.generation is null then
      return own;
    end if;
  end if;
  return everybodys;
end $$;

-- Why a session is to end, and since when; null while it is live: the one predicate. The earliest cause counts, and a
-- deadline before a cut of the same millisecond.
create function @schema@.due_of(s @schema@.session, p_now bigint) returns @schema@.due language plpgsql stable as $$
declare
  c @schema@.cut := @schema@.cut_of(s.generation, s.subject, s.created_at);
  deadline bigint := least(s.absolute_deadline, s.last_seen + s.idle_timeout + s.touch_interval);
begin
  if c.generation is not null and (p_now < deadline or c.at < deadline) then
    return row(c.cause, c.generation, c.at)::@schema@.due;
  end if;
  if p_now < deadline then
    return null;
  end if;
  if deadline < s.absolute_deadline then
    return row('{"v":1,"reason":"idle-timeout","by":"system"}', null, deadline)::@schema@.due;
  end if;
  return row('{"v":1,"reason":"absolute-timeout","by":"system"}', null, deadline)::@schema@.due;
end $$;

create function @schema@.touch_is_due(s @schema@.session, p_now bigint) returns boolean language sql immutable as $$
  select p_now > s.last_seen and p_now - s.last_seen >= s.touch_interval
$$;

-- Tells all that listen: at most 300 ids a message, by reason. A message is told at the commit, and only then.
create function @schema@.tell(p_node text, p_ids bytea[], p_causes text[]) returns void language plpgsql volatile as $$
begin
  if cardinality(p_ids) > 0 then
    perform pg_notify('@name@_notices', p_node || ' ' || reason || ' ' || string_agg(id, ','))
      from (select reason, id, (row_number() over (partition by reason) - 1) / 300 as part
        from (select substring(t.cause from '"reason":"([a-z0-9-]+)"') as reason,
            translate(rtrim(encode(t.id, 'base64'), '='), '+/', '-_') as id
          from unnest(p_ids, p_causes) as t(id, cause)) named) numbered
      group by reason, part;
  end if;
end $$;

create function @schema@.merged(p_names bytea[], p_data bytea[], p_removed bytea[], p_new_names bytea[], p_new_data bytea[],
  out names bytea[], out data bytea[]) language plpgsql immutable as $$
begin
  if cardinality(p_removed) = 0 and cardinality(p_new_names) = 0 then
    names := p_names;
    data := p_data;
    return;
  end if;
  select array_agg(x.n order by x.n), array_agg(x.d order by x.n) into names, data from (
    select o.n, o.d from unnest(p_names, p_data) as o(n, d) where o.n <> all (p_removed || p_new_names)
    union all
    select w.n, w.d from unnest(p_new_names, p_new_data) as w(n, d)) x;
end $$;

create function @schema@.running(p_names bytea[], p_until bigint[], p_new_names bytea[], p_new_until bigint[], p_now bigint,
  out names bytea[], out until bigint[]) language plpgsql immutable as $$
begin
  select array_agg(x.n order by x.n), array_agg(x.u order by x.n) into names, until from (
    select o.n, o.u from unnest(p_names, p_until) as o(n, u) where o.n <> all (p_new_names)
    union all
    select w.n, w.u from unnest(p_new_names, p_new_until) as w(n, u)) x where x.u > p_now;
end $$;

-- Ends sessions that the caller has locked, each with the earliest cause; without a cause of the caller's only those that
-- are due. By the index for each, whatever the planner takes the table for: it would walk it for some hundred rows.
create function @schema@.conclude(p_ids bytea[], p_cause text, p_attempt bytea, p_lease bigint, p_now bigint)
returns setof @schema@.session language plpgsql volatile
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  return query
    with judged as materialized (select x.id, @schema@.due_of(x, p_now) as d from @schema@.session x
      where x.id = any (p_ids) and x.ended_at is null)
    update @schema@.session x set
      value_names = null, value_data = null, grant_names = null, grant_until = null,
      ended_at = p_now, cause = coalesce((j.d).cause, p_cause), cut = (j.d).cut, due_at = (j.d).at, attempt = p_attempt,
      keep_until = greatest(x.absolute_deadline, p_now + 3600000),
      claim = nextval('@schema@.claim'), lease_until = p_now + p_lease, taken_over = false
    from judged j where x.id = j.id and x.ended_at is null and coalesce((j.d).cause, p_cause) is not null
    returning x.*;
end $$;

create function @schema@.begin_log_in(out generation bigint, out now bigint) language plpgsql volatile as $$
begin
  perform @schema@.guard();
  select case when g.is_called then g.last_value else 0 end into generation from @schema@.generation g;
  now := @schema@.now_ms();
end $$;

create function @schema@.create_session(
  p_id bytea, p_secret bytea, p_subject text, p_idle bigint, p_touch bigint, p_absolute bigint, p_client text,
  p_value_names bytea[], p_value_data bytea[], p_limit bigint, p_refuse boolean, p_replaces bytea,
  p_ticket bigint, p_issued bigint, p_attempt bytea, p_lease bigint, p_superseded text, p_reauthenticated text, p_node text
) returns setof @schema@.answer language plpgsql volatile as $$
declare
  n bigint;
  r @schema@.session;
  gone @schema@.session;
  others bytea[] := '{}';
  replaced bytea;
  surplus bigint := 0;
  ids bytea[] := '{}';
  causes text[] := '{}';
begin
  perform @schema@.guard();
  perform @schema@.durable();
  perform @schema@.lock_everybody(false);
  if p_subject is not null then
    perform @schema@.lock_subject(p_subject);
  end if;
  n := @schema@.now_ms();
  loop
    select x.* into r from @schema@.session x where x.id = p_id;
    if found then
      if r.ended_at is null and r.secret = p_secret and (@schema@.due_of(r, n)).cause is null then
        return next row('created', null, n, r)::@schema@.answer;
      else
        return next row('conflict', null, n, null)::@schema@.answer;
      end if;
      return;
    end if;
    if p_ticket is not null and (n - p_issued > 600000
      or exists (select 1 from @schema@.meta m where m.name = 'forgotten' and m.number > p_ticket)
      or (@schema@.cut_of(p_ticket, p_subject, p_issued)).generation is not null) then
      return next row('outdated', null, n, null)::@schema@.answer;
      return;
    end if;
    others := '{}';
    replaced := null;
    if p_subject is not null and (p_limit is not null or p_replaces is not null) then
      for r in select x.* from @schema@.session x where x.subject = p_subject collate "C" and x.ended_at is null
        order by x.id for no key update
      loop
        n := greatest(n, @schema@.now_ms());
        continue when (@schema@.due_of(r, n)).cause is not null;
        if r.id = p_replaces then
          replaced := r.id;
        else
          others := others || r.id;
        end if;
      end loop;
      surplus := cardinality(others) + 1 - coalesce(p_limit, cardinality(others) + 1);
      if surplus > 0 and p_refuse then
        return next row('limit', null, n, null)::@schema@.answer;
        return;
      end if;
    end if;
    insert into @schema@.session as x (id, secret, generation, subject, created_at, authenticated_at, idle_timeout,
      touch_interval, absolute_deadline, last_seen, look_at, client, value_names, value_data)
    values (p_id, p_secret, nextval('@schema@.generation'), p_subject, n, n, p_idle, p_touch, n + p_absolute, n,
      least(n + p_absolute, n + p_idle + p_touch), p_client, p_value_names, p_value_data)
    on conflict (id) do nothing returning x.* into r;
    exit when found;
  end loop;
  return next row('created', null, n, r)::@schema@.answer;
  if surplus <= 0 and replaced is null then
    return;
  end if;
  others := array(select x.id from @schema@.session x where x.id = any (others) order by x.generation
    limit greatest(surplus, 0));
  if replaced is not null then
    others := others || replaced;
  end if;
  for r in select x.* from @schema@.session x where x.id = any (others) loop
    select c.* into gone from @schema@.conclude(array[r.id], case when r.id = replaced then p_reauthenticated
      else p_superseded end, p_attempt, p_lease, n) c;
    ids := ids || gone.id;
    causes := causes || gone.cause;
    return next row('ended', null, n, gone)::@schema@.answer;
  end loop;
  perform @schema@.tell(p_node, ids, causes);
end $$;

create function @schema@.check_in(p_id bytea, p_secret bytea, p_active boolean) returns @schema@.answer
language plpgsql volatile as $$
declare
  n bigint := @schema@.now_ms();
  v record;
  r @schema@.session;
  d @schema@.due;
  is_current boolean;
  is_first boolean;
  is_touch boolean;
  is_locked boolean := false;
begin
  perform @schema@.guard();
  -- In one statement: a session that is kept while others are cut gets its new generation and the cut is made at once.
  select x as s, @schema@.due_of(x, n) as d into v from @schema@.session x where x.id = p_id;
  r := v.s;
  d := v.d;
  loop
    if r.id is null then
      return row('unknown', null, n, null)::@schema@.answer;
    end if;
    is_current := r.secret = p_secret;
    if not is_current and r.previous is distinct from p_secret then
      return row('wrong', null, n, null)::@schema@.answer;
    end if;
    if r.ended_at is not null then
      return row('ended', null, n, r)::@schema@.answer;
    end if;
    if d.cause is not null then
      return row('due', d.cause, n, null)::@schema@.answer;
    end if;
    if not is_current and n >= r.previous_until then
      return row('outdated', null, n, null)::@schema@.answer;
    end if;
    is_first := is_current and coalesce(r.previous_until, 0) > 0;
    is_touch := p_active and @schema@.touch_is_due(r, n);
    exit when is_locked or not (is_first or is_touch);
    -- Something must be written: judge the newest version once more, under its lock.
    select x.* into r from @schema@.session x where x.id = p_id for no key update;
    n := greatest(n, @schema@.now_ms());
    d := @schema@.due_of(r, n);
    is_locked := true;
  end loop;
  if is_first then
    update @schema@.session x set previous_until = 0 where x.id = p_id returning x.* into r;
  end if;
  if is_touch then
    update @schema@.session x set last_seen = n where x.id = p_id returning x.* into r;
  end if;
  return row('live', null, n, r)::@schema@.answer;
end $$;

create function @schema@.check_held(p_ids bytea[], p_active boolean)
returns table (id bytea, verdict text, cause text, due_in bigint) language plpgsql volatile as $$
declare
  n bigint := @schema@.now_ms();
  v record;
  r @schema@.session;
  d @schema@.due;
  touched bytea[] := '{}';
begin
  perform @schema@.guard();
  for v in select x as s, case when x.ended_at is null then @schema@.due_of(x, n) end as d
    from @schema@.session x where x.id = any (p_ids)
  loop
    r := v.s;
    d := v.d;
    if p_active and r.ended_at is null and d.cause is null and @schema@.touch_is_due(r, n) then
      touched := touched || r.id;
    else
      id := r.id;
      verdict := case when r.ended_at is not null then 'ended' when d.cause is not null then 'due' else 'live' end;
      cause := coalesce(r.cause, d.cause);
      due_in := least(r.absolute_deadline, r.last_seen + r.idle_timeout + r.touch_interval) - n;
      return next;
    end if;
  end loop;
  if cardinality(touched) = 0 then
    return;
  end if;
  for r in select x.* from @schema@.session x where x.id = any (touched) order by x.id for no key update loop
    n := greatest(n, @schema@.now_ms());
    d := case when r.ended_at is null then @schema@.due_of(r, n) end;
    id := r.id;
    verdict := case when r.ended_at is not null then 'ended' when d.cause is not null then 'due' else 'live' end;
    cause := coalesce(r.cause, d.cause);
    if verdict = 'live' then
      update @schema@.session x set last_seen = greatest(x.last_seen, n) where x.id = r.id returning x.* into r;
    end if;
    due_in := least(r.absolute_deadline, r.last_seen + r.idle_timeout + r.touch_interval) - n;
    return next;
  end loop;
end $$;

create function @schema@.update_session(
  p_id bytea, p_expected bigint,
  p_value_removed bytea[], p_value_names bytea[], p_value_data bytea[],
  p_left_removed bytea[], p_left_names bytea[], p_left_data bytea[],
  p_grant_names bytea[], p_grant_until bigint[]
) returns @schema@.answer language plpgsql volatile as $$
declare
  n bigint;
  r @schema@.session;
  d @schema@.due;
  v record;
  l record;
  held record;
  g record;
begin
  perform @schema@.guard();
  select x.* into r from @schema@.session x where x.id = p_id for no key update;
  n := @schema@.now_ms();
  if r.id is null then
    return row('unknown', null, n, null)::@schema@.answer;
  end if;
  if r.ended_at is not null then
    return row('ended', null, n, r)::@schema@.answer;
  end if;
  d := @schema@.due_of(r, n);
  if d.cause is not null then
    return row('due', d.cause, n, null)::@schema@.answer;
  end if;
  if p_expected <> r.revision then
    return row('conflict', null, n, r)::@schema@.answer;
  end if;
  v := @schema@.merged(r.value_names, r.value_data, p_value_removed, p_value_names, p_value_data);
  l := @schema@.merged(r.left_names, r.left_data, p_left_removed, p_left_names, p_left_data);
  held := @schema@.running(r.grant_names, r.grant_until, '{}', '{}', n);
  g := @schema@.running(r.grant_names, r.grant_until, p_grant_names, p_grant_until, n);
  if (v.names, v.data, l.names, l.data, g.names, g.until)
    is distinct from (r.value_names, r.value_data, r.left_names, r.left_data, held.names, held.until) then
    update @schema@.session x set revision = x.revision + 1, value_names = v.names, value_data = v.data,
      left_names = l.names, left_data = l.data, grant_names = g.names, grant_until = g.until
    where x.id = p_id returning x.* into r;
  end if;
  return row('written', null, n, r)::@schema@.answer;
end $$;

create function @schema@.rotate(p_id bytea, p_old bytea, p_new bytea, p_grace bigint) returns @schema@.answer
language plpgsql volatile as $$
declare
  n bigint;
  r @schema@.session;
  d @schema@.due;
begin
  perform @schema@.guard();
  perform @schema@.durable();
  select x.* into r from @schema@.session x where x.id = p_id for no key update;
  n := @schema@.now_ms();
  if r.id is null then
    return row('unknown', null, n, null)::@schema@.answer;
  end if;
  if r.secret <> p_old and r.previous is distinct from p_old then
    return row('wrong', null, n, null)::@schema@.answer;
  end if;
  if r.ended_at is not null then
    return row('ended', null, n, r)::@schema@.answer;
  end if;
  d := @schema@.due_of(r, n);
  if d.cause is not null then
    return row('due', d.cause, n, null)::@schema@.answer;
  end if;
  if r.secret = p_old then
    update @schema@.session x set secret = p_new, previous = p_old,
      previous_until = case when p_grace > 0 then n + p_grace else 0 end where x.id = p_id;
    return row('written', null, n, null)::@schema@.answer;
  end if;
  return row(case when r.secret = p_new then 'written' else 'outdated' end, null, n, null)::@schema@.answer;
end $$;

-- end and end_many: 'first' for what this attempt ended, now or before, else 'already'.
create function @schema@.end_sessions(p_ids bytea[], p_cause text, p_attempt bytea, p_lease bigint, p_node text)
returns setof @schema@.answer language plpgsql volatile as $$
declare
  n bigint := @schema@.now_ms();
  r @schema@.session;
  ids bytea[] := '{}';
  causes text[] := '{}';
begin
  perform @schema@.guard();
  perform @schema@.durable();
  for r in select x.* from @schema@.session x where x.id = any (p_ids) order by x.id for no key update loop
    n := greatest(n, @schema@.now_ms());
    if r.ended_at is null then
      select c.* into r from @schema@.conclude(array[r.id], p_cause, p_attempt, p_lease, n) c;
      ids := ids || r.id;
      causes := causes || r.cause;
      return next row('first', null, n, r)::@schema@.answer;
    elsif r.claim is not null and r.attempt = p_attempt and not r.taken_over then
      update @schema@.session x set lease_until = n + p_lease where x.id = r.id;
      return next row('first', null, n, r)::@schema@.answer;
    else
      return next row('already', null, n, r)::@schema@.answer;
    end if;
  end loop;
  perform @schema@.tell(p_node, ids, causes);
end $$;

create function @schema@.end_all(p_subject text, p_except bytea, p_before bigint, p_cause text, p_node text, p_scope text)
returns bigint language plpgsql volatile as $$
declare
  n bigint;
  g bigint;
  r @schema@.session;
begin
  perform @schema@.guard();
  perform @schema@.durable();
  perform @schema@.lock_everybody(p_subject is null);
  if p_subject is not null then
    perform @schema@.lock_subject(p_subject);
  end if;
  g := nextval('@schema@.generation');
  if p_except is not null then
    select x.* into r from @schema@.session x
      where x.id = p_except and x.subject = p_subject collate "C" and x.ended_at is null for no key update;
  end if;
  n := @schema@.now_ms();
  if r.id is not null and r.ended_at is null and (@schema@.due_of(r, n)).cause is null then
    update @schema@.session x set generation = g where x.id = r.id;
  end if;
  insert into @schema@.cut values (g, p_subject, p_before, p_cause, n, false);
  perform pg_notify('@name@_notices', p_node || ' ! ' || p_scope);
  return g;
end $$;

-- One part of a sweep. 'more' comes last when there may be more to do.
create function @schema@.end_due(p_limit bigint, p_most bigint, p_attempt bytea, p_lease bigint, p_node text)
returns setof @schema@.answer language plpgsql volatile as $$
declare
  n bigint := @schema@.now_ms();
  most bigint := least(p_limit, p_most);
  c @schema@.cut;
  looked bytea[];
  covered bytea[];
  ended @schema@.session[];
  dropped bigint := 0;
  lost constant text := '{"v":1,"reason":"lost","by":"system"}';
begin
  perform @schema@.guard();
  perform @schema@.durable();
  -- By an array, here and in pending: for a join the planner would walk the table to find some hundred rows.
  delete from @schema@.session x where x.id = any (array(
    select o.id from @schema@.session o where o.ended_at is not null and o.claim is null and o.keep_until <= n
      order by o.keep_until limit p_most for update skip locked));
  get diagnostics dropped = row_count;
  if exists (select 1 from (select k.at, k.walked from @schema@.cut k order by k.generation limit 1) oldest
    where oldest.walked and oldest.at < n - 600000)
  then
    with old as (delete from @schema@.cut k where k.generation in (select o.generation from @schema@.cut o
        where o.walked and o.at < n - 600000 order by o.generation limit p_most for update skip locked)
      returning k.generation)
    update @schema@.meta m set number = greatest(m.number, (select max(o.generation) from old o))
      where m.name = 'forgotten' and exists (select 1 from old);
  end if;
  looked := array(select x.id from @schema@.session x where x.ended_at is null and x.look_at <= n
    order by x.look_at limit most for no key update skip locked);
  ended := array(select g from @schema@.conclude(looked, null, p_attempt, p_lease, n) g);
  if cardinality(ended) < cardinality(looked) then
    update @schema@.session x
      set look_at = least(x.absolute_deadline, x.last_seen + x.idle_timeout + x.touch_interval)
      where x.id = any (looked) and x.ended_at is null;
  end if;
  for c in select k.* from @schema@.cut k where not k.walked order by k.generation loop
    exit when cardinality(ended) >= most;
    covered := array(select x.id from @schema@.cut_sessions(c, most - cardinality(ended)) x);
    ended := ended || array(select g from @schema@.conclude(covered, lost, p_attempt, p_lease, n) g);
    if cardinality(ended) < most then
      perform @schema@.close_cut(c);
    end if;
  end loop;
  perform @schema@.tell(p_node, array(select e.id from unnest(ended) e), array(select e.cause from unnest(ended) e));
  return query select 'ended'::text, null::text, n, e from unnest(ended) e;
  if greatest(cardinality(looked), cardinality(ended)) >= most or dropped >= p_most then
    return next row('more', null, n, null)::@schema@.answer;
  end if;
end $$;

-- Locks sessions that a cut covers, those that nobody else works on.
create function @schema@.cut_sessions(c @schema@.cut, p_limit bigint) returns setof @schema@.session
language plpgsql volatile as $$
begin
  if c.subject is null then
    return query select x.* from @schema@.session x where x.ended_at is null and x.generation < c.generation
      and x.created_at < coalesce(c.created_before, 9223372036854775807)
      order by x.generation limit p_limit for no key update skip locked;
  else
    return query select x.* from @schema@.session x where x.ended_at is null and x.subject = c.subject
      and x.generation < c.generation order by x.generation limit p_limit for no key update skip locked;
  end if;
end $$;

-- Says that a cut is concluded, if nobody works on one of its sessions. None can come back: a session that starts later
-- has a greater generation.
create function @schema@.close_cut(c @schema@.cut) returns void language plpgsql volatile as $$
begin
  if c.subject is null and exists (select 1 from @schema@.session x where x.ended_at is null
      and x.generation < c.generation and x.created_at < coalesce(c.created_before, 9223372036854775807))
    or c.subject is not null and exists (select 1 from @schema@.session x where x.ended_at is null
      and x.subject = c.subject and x.generation < c.generation)
  then
    return;
  end if;
  update @schema@.cut k set walked = true where k.generation in (select o.generation from @schema@.cut o
    where o.generation = c.generation and not o.walked for update skip locked);
end $$;

create function @schema@.pending(p_limit bigint, p_lease bigint) returns setof @schema@.answer
language plpgsql volatile as $$
declare
  n bigint := @schema@.now_ms();
begin
  perform @schema@.guard();
  return query
    update @schema@.session x set claim = nextval('@schema@.claim'), lease_until = n + p_lease, taken_over = true
      where x.id = any (array(
        select o.id from @schema@.session o where o.claim is not null and o.lease_until <= n
          order by o.lease_until limit p_limit for no key update skip locked))
      returning 'taken'::text, null::text, n, x;
end $$;

create function @schema@.renew(p_id bytea, p_claim bigint, p_lease bigint) returns boolean language plpgsql volatile as $$
begin
  perform @schema@.guard();
  update @schema@.session x set lease_until = @schema@.now_ms() + p_lease where x.id = p_id and x.claim = p_claim;
  return found;
end $$;

-- Those of which the claim was the caller's. Nobody waits for the disk: what a crash of the server forgets of this is
-- pending again, and taken over.
create function @schema@.acknowledge(p_ids bytea[], p_claims bigint[]) returns table (id bytea, claim bigint)
language plpgsql volatile set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  perform @schema@.guard();
  perform set_config('synchronous_commit', 'off', true);
  return query
    with done as materialized (select x.id, x.claim from unnest(p_ids, p_claims) as a(id, claim)
      join @schema@.session x on x.id = a.id and x.claim = a.claim order by x.id for no key update of x)
    update @schema@.session x set claim = null, lease_until = null, left_names = null, left_data = null
      from done where x.id = done.id returning done.id, done.claim;
end $$;

create function @schema@.tombstone(p_id bytea) returns setof @schema@.answer language plpgsql volatile as $$
begin
  perform @schema@.guard();
  return query select 'ended'::text, null::text, 0::bigint, x from @schema@.session x
    where x.id = p_id and x.ended_at is not null;
end $$;

create function @schema@.list(p_subject text) returns setof @schema@.answer language plpgsql volatile as $$
declare
  n bigint := @schema@.now_ms();
begin
  perform @schema@.guard();
  return query select 'live'::text, null::text, n, x from @schema@.session x
    where x.subject = p_subject collate "C" and x.ended_at is null and (@schema@.due_of(x, n)).cause is null
    order by x.generation;
end $$;

create function @schema@.page(p_after bytea, p_limit bigint) returns setof @schema@.answer language plpgsql volatile as $$
declare
  n bigint := @schema@.now_ms();
begin
  perform @schema@.guard();
  return query select case when (@schema@.due_of(x, n)).cause is null then 'live' else 'due' end, null::text, n, x
    from @schema@.session x where x.id > p_after and x.ended_at is null order by x.id limit p_limit;
end $$;
