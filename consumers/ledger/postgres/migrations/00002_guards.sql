-- +goose Up
-- Who approved a command so far, as JSON: four eyes need two.
alter table commands add column approvals bytea;

-- A row for every budget that was ever spent of: whoever spends locks it.
create table budgets (
    budget text collate "C" primary key
);

-- What was spent of budgets, a row a command. A row counts until its time is over.
create table spent (
    budget text   collate "C" not null,
    id     text   collate "C" not null,
    until  bigint not null,
    primary key (budget, id)
);
create index spent_until on spent (budget, until);

-- The kill switch, a row a lane.
create table switches (
    lane    text    primary key,
    stopped boolean not null,
    who     text    not null,
    reason  text    not null,
    at      bigint  not null
);

-- Who is the one to do what one process does at a time.
create table duties (
    duty  text    primary key,
    owner text    not null,
    until bigint  not null
);

-- +goose Down
drop table duties;
drop table switches;
drop table spent;
drop table budgets;
alter table commands drop column approvals;
