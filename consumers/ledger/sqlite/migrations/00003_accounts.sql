-- +goose Up
-- The account of the target, so that one whose API is slow can be left out of a claim.
alter table commands add column account text not null default '';
alter table targets add column account text not null default '';

-- +goose Down
alter table targets drop column account;
alter table commands drop column account;
