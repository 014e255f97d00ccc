-- +goose Up
-- The account of the target, so that one whose API is slow can be left out of a claim.
alter table commands add column account text collate "C" not null default '';
alter table targets add column account text collate "C" not null default '';

-- What a rule has done to a target is asked for before every further command, and a target may have many that wait.
create index commands_acted on commands (target, rule, seq) where applied;
create index outbox_due on outbox (due);

-- +goose Down
drop index outbox_due;
drop index commands_acted;
alter table targets drop column account;
alter table commands drop column account;
