-- The same tables as in PostgreSQL; see the migrations there for what the columns mean.

-- +goose Up
create table commands (
    seq           integer primary key autoincrement,
    id            text    not null unique,
    lane          text    not null,
    rule          text    not null,
    action        text    not null,
    target        text    not null,
    mutex         text    not null,
    urgency       integer not null,
    state         text    not null,
    slot          integer not null,
    due           integer,
    owner         text    not null default '',
    fence         integer not null default 0,
    attempts      integer not null default 0,
    applied       integer not null default 0,
    plan          blob,
    outcome       blob    not null,
    approved_hash text    not null default '',
    approved_by   text    not null default '',
    undo          blob,
    ends          integer,
    effect        text    not null default '',
    entered       integer not null,
    updated       integer not null
) strict;

create table bodies (
    seq  integer primary key references commands (seq) on delete cascade,
    body blob not null
) strict;

create unique index commands_held on commands (mutex) where slot = 1;
create index commands_timed on commands (mutex, due, seq) where slot = 2;
create index commands_head on commands (mutex, seq) where slot = 3;
create index commands_effect on commands (effect, seq) where effect <> '';
create index commands_state on commands (state, seq);
create index commands_target on commands (target, seq);
create index commands_rule on commands (rule, seq);
create index commands_updated on commands (updated) where slot = 0;

create table targets (
    mutex   text    primary key,
    ready   integer not null default 0,
    lane    text,
    urgency integer,
    seq     integer,
    due     integer
) strict;

create index targets_ready on targets (lane, urgency desc, seq) where ready;
create index targets_due on targets (due) where due is not null;

create table holds (
    rule   text    not null,
    target text    not null,
    until  integer not null,
    reason text    not null,
    primary key (rule, target)
) strict;

create table outbox (
    id      integer primary key autoincrement,
    topic   text    not null,
    key     blob    not null,
    value   blob    not null,
    headers blob    not null,
    due     integer not null
) strict;

-- +goose Down
drop table outbox;
drop table holds;
drop table targets;
drop table bodies;
drop table commands;
