-- The tables of adjourn, version 1. Instants and durations are in milliseconds (Unix time).
create table adjourn_meta (
  name text not null primary key,
  number integer not null,
  text text                        -- the name of the application; null otherwise
) strict;
insert into adjourn_meta (name, number) values ('schema', 1), ('generation', 0), ('claim', 0), ('forgotten', 0);

-- A session, live (ended_at is null) or ended: then the row is its tombstone, without values.
create table adjourn_session (
  id blob not null primary key,
  secret blob not null,            -- BLAKE3 of the secret
  previous blob,                   -- the one before the last rotation
  previous_until integer,
  generation integer not null,
  subject text,
  created_at integer not null,
  authenticated_at integer not null,
  idle_timeout integer,
  touch_interval integer not null,
  absolute_deadline integer not null,
  last_seen integer not null,
  look_at integer not null,        -- not due before; re-armed when looked at
  revision integer not null,
  client text,
  vals blob,
  grants blob,
  left_behind blob,
  ended_at integer,
  cause text,
  cut integer,
  due_at integer,
  attempt blob,
  keep_until integer,
  claim integer,                   -- of the pending work; null when there is none
  lease_until integer,
  taken_over integer
) strict;
create index adjourn_session_live on adjourn_session (id) where ended_at is null;
create index adjourn_session_subject on adjourn_session (subject, generation) where ended_at is null;
create index adjourn_session_generation on adjourn_session (generation) where ended_at is null;
create index adjourn_session_look_at on adjourn_session (look_at) where ended_at is null;
create index adjourn_session_lease on adjourn_session (lease_until) where claim is not null;
create index adjourn_session_keep on adjourn_session (keep_until) where ended_at is not null and claim is null;

-- "End everything up to now": a session with a smaller generation is cut.
create table adjourn_cut (
  generation integer not null primary key,
  subject text,                    -- null for everybody
  created_before integer,
  cause text not null,
  at integer not null,
  walked integer not null default 0
) strict;
create index adjourn_cut_subject on adjourn_cut (subject, generation);
create index adjourn_cut_open on adjourn_cut (generation) where walked = 0;

-- What other processes are told. The numbers have no holes, so that a process sees what it missed.
create table adjourn_notice (
  seq integer primary key autoincrement,
  at integer not null,
  node integer not null,
  id blob,                         -- the session that ended, or null for a cut
  body text not null               -- its reason, or the scope of the cut
) strict;
