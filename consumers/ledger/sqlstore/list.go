package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/riposte-security/riposte/consumers/ledger"
)

// usual is how many entries List returns when the filter does not say.
const usual = 100

// List returns what the filter selects. See ledger.Desk.
func (s *Store) List(ctx context.Context, f ledger.Filter) ([]ledger.Entry, error) {
	ctx, cancel := s.within(ctx, f.Limit)
	defer cancel()
	entries, err := s.list(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("list commands: %w", err)
	}
	return entries, nil
}

func (s *Store) list(ctx context.Context, f ledger.Filter) ([]ledger.Entry, error) {
	w := where{d: s.d}
	if len(f.IDs) > 0 {
		seqs := []int64{}
		for _, id := range f.IDs {
			seq, _, err := s.resolve(ctx, s.read, id)
			if errors.Is(err, ledger.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("command %s: %w", id, err)
			}
			seqs = append(seqs, seq)
		}
		w.oneOf("commands.seq", seqs)
	}
	if len(f.Lanes) > 0 {
		w.oneOf("commands.lane", texts(f.Lanes))
	}
	if len(f.States) > 0 {
		w.oneOf("commands.state", texts(f.States))
	}
	if f.Rule != "" {
		w.is("commands.rule =", column(f.Rule))
	}
	if f.Target != "" {
		w.is("commands.target =", column(f.Target))
	}
	if f.Applied {
		w.conds = append(w.conds, "commands.applied")
	}
	if !f.Since.IsZero() {
		w.is("commands.entered >=", f.Since.UnixMicro())
	}
	limit := f.Limit
	if limit <= 0 {
		limit = usual
	}
	return s.entries(ctx, w, limit)
}

// Holders returns entries that share an effect. See ledger.Ledger.
func (s *Store) Holders(ctx context.Context, effect, except string) ([]ledger.Entry, error) {
	if effect == "" {
		return nil, nil
	}
	ctx, cancel := s.within(ctx, 0)
	defer cancel()
	w := where{d: s.d}
	w.is("commands.effect =", column(effect))
	w.oneOf("commands.state", []string{"verified", "in_force", "failed"}) // of those that failed, only what was applied has an effect
	w.is("commands.id <>", column(except))
	w.conds = append(w.conds, "commands.effect <> ''") // so that the partial index serves
	entries, err := s.entries(ctx, w, 10)
	if err != nil {
		return nil, fmt.Errorf("holders of an effect: %w", err)
	}
	return entries, nil
}

func (s *Store) entries(ctx context.Context, w where, limit int) ([]ledger.Entry, error) {
	if w.err != nil {
		return nil, w.err
	}
	text := `select ` + columns + ` from commands`
	if len(w.conds) > 0 {
		text += ` where ` + strings.Join(w.conds, " and ")
	}
	var entries []ledger.Entry
	err := each(ctx, s.read, text+` order by commands.seq desc limit `+strconv.Itoa(limit), func(rows *sql.Rows) error {
		var r row
		if err := r.scan(rows); err != nil {
			return err
		}
		entries = append(entries, r.entry)
		return nil
	}, w.args...)
	if err != nil {
		return nil, err
	}
	return entries, s.fill(ctx, s.read, entries)
}

// where collects conditions and their arguments.
type where struct {
	d     Dialect
	conds []string
	args  []any
	err   error
}

// is adds a comparison: its left side and operator, and the value.
func (w *where) is(left string, value any) {
	w.args = append(w.args, value)
	w.conds = append(w.conds, left+" $"+strconv.Itoa(len(w.args)))
}

func (w *where) oneOf(column string, values any) {
	list, err := w.d.List(values)
	w.err = errors.Join(w.err, err)
	w.args = append(w.args, list)
	w.conds = append(w.conds, w.d.Any(column, "$"+strconv.Itoa(len(w.args))))
}

func texts[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}
