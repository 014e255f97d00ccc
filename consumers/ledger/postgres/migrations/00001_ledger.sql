-- Times are microseconds since the epoch, UTC, and come from the workers' clock: to_timestamp(due / 1e6) shows one.
-- JSON is kept as the bytes that were given, since text and jsonb refuse some of what JSON allows.

-- +goose Up
create table commands (
    seq           bigint   generated always as identity primary key,
    id            text     collate "C" not null unique,
    lane          text     not null,
    rule          text     not null,
    action        text     not null,
    target        text     not null,                -- canonical key
    mutex         text     not null,                -- what the command holds while it runs: its target; of an alert, only itself
    urgency       smallint not null,                -- severity as a number, 5 is critical
    state         text     not null,
    slot          smallint not null,                -- 0 at rest, 1 holds its mutex, 2 waits for its time, 3 pending
    due           bigint,                           -- when a worker should look at it; of a claimed one, the end of the lease
    owner         text     not null default '',
    fence         bigint   not null default 0,
    attempts      integer  not null default 0,
    applied       boolean  not null default false,
    plan          bytea,
    outcome       bytea    not null,
    approved_hash text     not null default '',
    approved_by   text     not null default '',
    undo          bytea,
    ends          bigint,
    effect        text     not null default '',
    entered       bigint   not null,
    updated       bigint   not null
) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02);

-- The command itself never changes: kept apart, so that a change of state does not write it again.
create table bodies (
    seq  bigint primary key references commands (seq) on delete cascade,
    body bytea not null
);

create unique index commands_held on commands (mutex) where slot = 1;
create index commands_timed on commands (mutex, due, seq) where slot = 2;
create index commands_head on commands (mutex, seq) where slot = 3;
create index commands_effect on commands (effect, seq) where effect <> '';
create index commands_state on commands (state, seq);
create index commands_target on commands (target, seq);
create index commands_rule on commands (rule, seq);
create index commands_updated on commands (updated) where slot = 0;

-- One row for every mutex with work left. Whoever changes commands of a mutex locks its row first, and writes here what comes next.
create table targets (
    mutex   text     primary key,
    ready   boolean  not null default false,        -- seq may be claimed now
    lane    text,                                   -- of the command that comes next
    urgency smallint,
    seq     bigint,
    due     bigint                                  -- when to work out anew what comes next; null: not before something changes
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

create index targets_ready on targets (lane, urgency desc, seq) where ready;
create index targets_due on targets (due) where due is not null;

create table holds (
    rule   text   not null,
    target text   not null,
    until  bigint not null,
    reason text   not null,
    primary key (rule, target)
);

create table outbox (
    id      bigint generated always as identity primary key,
    topic   text   not null,
    key     bytea  not null,
    value   bytea  not null,
    headers bytea  not null,
    due     bigint not null                         -- not handed out before; grows when it is
);

-- +goose Down
drop table outbox;
drop table holds;
drop table targets;
drop table bodies;
drop table commands;
