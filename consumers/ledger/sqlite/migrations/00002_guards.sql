-- +goose Up
-- Who approved a command so far, as JSON: four eyes need two.
alter table commands add column approvals blob;

-- A row for every budget that was ever spent of: whoever spends locks it.
create table budgets (
    budget text primary key
) strict;

-- What was spent of budgets, a row a command. A row counts until its time is over.
create table spent (
    budget text    not null,
    id     text    not null,
    until  integer not null,
    primary key (budget, id)
) strict;
create index spent_until on spent (budget, until);

-- The kill switch, a row a lane.
create table switches (
    lane    text    primary key,
    stopped integer not null,
    who     text    not null,
    reason  text    not null,
    at      integer not null
) strict;

-- Who is the one to do what one process does at a time.
create table duties (
    duty  text    primary key,
    owner text    not null,
    until integer not null
) strict;

-- +goose Down
drop table duties;
drop table switches;
drop table spent;
drop table budgets;
alter table commands drop column approvals;
