package inventory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/riposte-security/riposte/internal/checkpoint"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/batch"
)

const (
	idSource = "riposte/aws-inventory" // who gives the records their ids
	atOnce   = 8                       // things that are read at the same time
	global   = "global"                // region of what has none, in AWS Config's word
	// forget is how long a thing that is gone is remembered, so that it counts as another one when it comes back.
	forget = 90 * 24 * time.Hour
)

// state is what the checkpoint holds.
type state struct {
	Last time.Time       `json:"last"` // beginning of the last sweep that came to its end
	Seen map[string]seen `json:"seen"` // by key of the item
}

type seen struct {
	State   string    `json:"state"` // hash; empty: it was gone
	Changes int       `json:"changes,omitempty"`
	At      time.Time `json:"at"` // last sweep that found it
}

// A sweep is one look at everything.
type sweep struct {
	*source
	file *checkpoint.File[state]
	emit batch.Emit
	at   time.Time

	mu     sync.Mutex
	batch  *batch.Batch
	found  int
	failed []error
}

// sweep looks at everything once, and hands it over.
func (s *source) sweep(ctx context.Context, file *checkpoint.File[state], emit batch.Emit) error {
	w := &sweep{source: s, file: file, emit: emit, at: time.Now().UTC(), batch: batch.New(emit)}
	accounts := s.Accounts
	if len(accounts) == 0 {
		own, err := ask(ctx, w, func() (string, error) { return s.aws.account(ctx) })
		if err != nil {
			return fmt.Errorf("inventory: %w", err)
		}
		accounts = []string{own}
	}
	for _, account := range accounts {
		if err := w.look(ctx, account); err != nil {
			return fmt.Errorf("inventory: account %s: %w", account, err)
		}
	}
	if err := w.batch.Flush(ctx); err != nil {
		return err
	}
	w.finish()
	s.log.Info().Int("found", w.found).Int("unread", len(w.failed)).Dur("took_ms", time.Since(w.at)).Msg("the sweep is done")
	err := errors.Join(w.failed...)
	if err != nil && (w.found == 0 || s.Every == 0) {
		err = fault.Permanent(fmt.Errorf("inventory: parts could not be read: %w", err))
	} else {
		err = nil
	}
	return errors.Join(err, file.Save())
}

// look looks into an account. What may not be read is noted; the error is one that may go away, or that of emit.
func (w *sweep) look(ctx context.Context, account string) error {
	regions, err := w.regions(ctx, account)
	if err := w.note("regions", account, "", err); err != nil {
		return err
	}
	for _, what := range w.What {
		places := regions
		if what == "buckets" || what == "iam" {
			places = []string{global}
		}
		for _, region := range places {
			if err := w.note(what, account, region, w.kind(ctx, what, account, region)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *sweep) kind(ctx context.Context, what, account, region string) error {
	switch what {
	case "buckets":
		return w.buckets(ctx, account)
	case "instances":
		return w.instances(ctx, account, region)
	case "security-groups":
		return w.groups(ctx, account, region)
	case "iam":
		return w.identities(ctx, account)
	default:
		return w.trails(ctx, account, region)
	}
}

// note takes an error that will not go away for a part that may not be read, and lets the sweep go on.
func (w *sweep) note(what, account, region string, err error) error {
	var lost *emitError
	if err == nil || !fault.IsPermanent(err) || errors.As(err, &lost) {
		return err
	}
	w.log.Error().Err(err).Str("what", what).Str("account", account).Str("region", region).Msg("a part of the inventory could not be read")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failed = append(w.failed, fmt.Errorf("%s in %s %s: %w", what, account, region, err))
	return nil
}

// regions are those to look into.
func (w *sweep) regions(ctx context.Context, account string) ([]string, error) {
	own := w.aws.region()
	switch {
	case !slices.ContainsFunc(w.What, func(what string) bool { return what != "buckets" && what != "iam" }):
		return nil, nil
	case len(w.Regions) == 0 && own == "":
		return nil, fault.Permanent(errors.New("no AWS region is known: set AWS_REGION, or regions"))
	case len(w.Regions) == 0:
		return []string{own}, nil
	case w.Regions[0] != allRegions:
		return w.Regions, nil
	}
	if own == "" {
		own = cloud.RegionGlobal
	}
	client, err := w.aws.ec2(ctx, account, own)
	if err != nil {
		return nil, err
	}
	out, err := ask(ctx, w, func() (*ec2.DescribeRegionsOutput, error) {
		return client.DescribeRegions(ctx, &ec2.DescribeRegionsInput{})
	})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, r := range out.Regions {
		names = append(names, aws.ToString(r.RegionName))
	}
	slices.Sort(names)
	return names, nil
}

// ask calls AWS until it answers, or will not.
func ask[T any](ctx context.Context, w *sweep, call func() (T, error)) (out T, err error) {
	err = fault.Retry(ctx, w.health.Failed, func() (err error) {
		out, err = call()
		return cloud.Classify(err)
	})
	if err == nil {
		w.health.OK()
	}
	return out, err
}

// emitError is an error of emit: no part of the inventory is to blame.
type emitError struct{ err error }

func (e *emitError) Error() string { return e.err.Error() }
func (e *emitError) Unwrap() error { return e.err }

// add hands an item over.
func (w *sweep) add(ctx context.Context, it *item) error {
	text, hash, err := it.record(w.at)
	if err != nil {
		return fmt.Errorf("%s: %w", it.key(), err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.found++
	now := seen{State: hash, At: w.at}
	w.file.Read(func(s *state) {
		if before, known := s.Seen[it.key()]; known {
			if now.Changes = before.Changes; before.State != hash {
				now.Changes++
			}
		}
	})
	id := hash
	if now.Changes > 0 {
		id += "#" + strconv.Itoa(now.Changes)
	}
	err = w.batch.Add(ctx, producers.Record{
		Data: text, Origin: "aws-inventory:" + it.key(), Position: id, Received: w.at,
		Attrs: map[string]string{
			producers.AttrID: id, producers.AttrSource: idSource, producers.AttrAccount: it.account, producers.AttrRegion: it.region,
			producers.AttrFile: it.arn,
		},
	})
	if err != nil {
		return &emitError{err}
	}
	w.batch.Then(func() {
		w.file.Update(func(s *state) {
			if s.Seen == nil {
				s.Seen = map[string]seen{}
			}
			s.Seen[it.key()] = now
		})
	})
	return nil
}

// finish notes that the sweep came to its end: what it did not find is gone, unless it may not have been looked at.
func (w *sweep) finish() {
	w.file.Update(func(s *state) {
		s.Last = w.at
		for key, was := range s.Seen {
			switch {
			case was.At.Equal(w.at) || len(w.failed) > 0:
			case w.at.Sub(was.At) > forget:
				delete(s.Seen, key)
			default:
				was.State = ""
				s.Seen[key] = was
			}
		}
	})
}

// arnOf makes the ARN of something in a region.
func arnOf(service, region, account, resource string) string {
	return strings.Join([]string{"arn", partition(region), service, region, account, resource}, ":")
}

func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}
