package logs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go/middleware"
	"golang.org/x/sync/errgroup"

	"github.com/riposte-security/riposte/internal/checkpoint"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/batch"
	"github.com/riposte-security/riposte/producers/unpack"
)

const (
	step      = time.Hour // the longest time that is asked for at once, so that a long past is remembered in pieces
	saveEvery = time.Second
	maxRecord = 1 << 20 // no event is larger
	// clockGrain is how far our clock may be from AWS's without it being wrong: an answer tells whole seconds, and takes a while.
	clockGrain = 5 * time.Second
)

// state is what the checkpoint holds, by log group.
type state map[string]*position

type position struct {
	Begin int64 `json:"begin"` // ms: nothing from before is asked for
	Until int64 `json:"until"` // ms: all events from before are in Kafka, as far as they were visible
	Seen  seen  `json:"seen"`  // and these, from the overlap before it
}

// Run implements producers.Source.
func (s *source) Run(ctx context.Context, emit batch.Emit) error {
	file, err := checkpoint.Open(s.Checkpoint, "cloudwatch-logs", state{})
	if err != nil {
		return err
	}
	g, working := errgroup.WithContext(ctx)
	for _, name := range s.LogGroups {
		g.Go(func() error {
			r, err := s.group(working, name, file, emit)
			if err == nil {
				err = r.run(working)
			}
			if err != nil {
				return fmt.Errorf("log group %s: %w", name, err)
			}
			return nil
		})
	}
	err = errors.Join(g.Wait(), file.Save())
	if ctx.Err() != nil {
		return nil //nolint:nilerr // ctx has ended: what is not in the checkpoint is read again
	}
	return err
}

// A group is one log group that is read.
type group struct {
	*source
	client                API
	file                  *checkpoint.File[state]
	batch                 *batch.Batch
	configured            string // the log group as the settings name it
	name, account, region string
	input                 cloudwatchlogs.FilterLogEventsInput
	at                    position      // a copy of that in the checkpoint, ahead of it during a poll
	skew                  time.Duration // of AWS's clock against ours: events bear the time of the former's world
}

func (s *source) group(ctx context.Context, name string, file *checkpoint.File[state], emit batch.Emit) (*group, error) {
	g := &group{source: s, file: file, batch: batch.New(emit), configured: name, name: name, account: s.Account, region: s.Region}
	if p := strings.Split(name, ":"); strings.HasPrefix(name, "arn:") {
		g.region, g.account, g.name = p[3], p[4], p[6]
		g.input.LogGroupIdentifier = aws.String(strings.TrimSuffix(name, ":*"))
	} else {
		g.input.LogGroupName = &name
	}
	var err error
	if g.client, err = s.aws.logs(ctx, s.Account, g.region); err != nil {
		return nil, err
	}
	if g.region == "" {
		g.region = s.aws.region()
	}
	if g.account == "" {
		if g.account, err = s.aws.account(ctx); err != nil {
			return nil, err
		}
	}
	if s.Filter != "" {
		g.input.FilterPattern = &s.Filter
	}
	if s.StreamPrefix != "" {
		g.input.LogStreamNamePrefix = &s.StreamPrefix
	}
	return g, g.begin()
}

// begin takes up the checkpoint. Without one, where it begins is made durable before anything is read: events that come while riposte is
// away then count from there.
func (g *group) begin() error {
	from := time.Now()
	if g.From != fromNow {
		var err error
		if from, err = time.Parse(time.RFC3339, g.From); err != nil {
			return fault.Permanent(err)
		}
	}
	g.file.Update(func(s *state) {
		if (*s)[g.configured] == nil {
			(*s)[g.configured] = &position{Begin: from.UnixMilli(), Until: from.UnixMilli()}
		}
		p := (*s)[g.configured]
		if p.Seen == nil {
			p.Seen = seen{}
		}
		g.at = position{Begin: p.Begin, Until: p.Until, Seen: maps.Clone(p.Seen)}
	})
	return g.file.Save()
}

// run polls until ctx ends.
func (g *group) run(ctx context.Context) error {
	for {
		from, to := g.at.Until-g.Overlap.Milliseconds(), max(g.now(), g.at.Until) // never back, whatever the clock does
		caughtUp := true
		if end := g.at.Until + step.Milliseconds(); end < to {
			to, caughtUp = end, false
		}
		if err := g.window(ctx, max(from, g.at.Begin), to); err != nil {
			return err
		}
		if caughtUp {
			timer := time.NewTimer(g.Poll)
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
			timer.Stop()
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// now is the time in milliseconds, by AWS's clock as soon as that is known.
func (g *group) now() int64 { return time.Now().Add(g.skew).UnixMilli() }

// window reads all events from between two times that were not read before.
func (g *group) window(ctx context.Context, from, to int64) error {
	in := g.input
	in.StartTime, in.EndTime = &from, &to
	fresh := seen{}
	var until int64
	for {
		var page *cloudwatchlogs.FilterLogEventsOutput
		err := fault.Retry(ctx, g.health.Failed, func() (err error) {
			page, err = g.client.FilterLogEvents(ctx, &in)
			now := time.Now()
			return cloud.Settle(cloud.Classify(err), now, now) // a log group may be made with its first event
		})
		if err != nil {
			return err
		}
		g.health.OK()
		if in.NextToken == nil {
			until = g.reached(to, page.ResultMetadata)
		}
		for _, e := range page.Events {
			id, at := hashID(aws.ToString(e.EventId)), aws.ToInt64(e.Timestamp)
			if _, known := g.at.Seen[id]; known {
				continue
			}
			if at >= until-g.Overlap.Milliseconds() { // it will be asked for again
				g.at.Seen[id], fresh[id] = at, at
			}
			if err := g.event(ctx, e); err != nil {
				return err
			}
		}
		if err := g.batch.Flush(ctx); err != nil {
			return err
		}
		if in.NextToken = page.NextToken; in.NextToken == nil {
			break
		}
	}
	return g.advance(until, fresh)
}

// reached is the time up to which an answer tells what there is: to, but never later than it was at AWS. A clock of ours that was ahead
// would otherwise have passed over what happens until then.
func (g *group) reached(to int64, answer middleware.Metadata) int64 {
	served, known := g.served(answer)
	if !known {
		return to
	}
	skew := time.Until(served)
	if skew.Abs() < clockGrain {
		skew = 0
	}
	if skew != 0 && g.skew == 0 {
		g.log.Warn().Dur("ms", -skew).Str("log_group", g.name).Msg("the clock of this machine is ahead of AWS's by so much; AWS's counts")
	}
	g.skew = skew
	if at := g.now(); at < to {
		if g.From == fromNow {
			g.at.Begin = min(g.at.Begin, at)
		}
		to = max(at, g.at.Begin)
	}
	return to
}

// advance notes that a window is in Kafka.
func (g *group) advance(to int64, fresh seen) error {
	g.at.Until = to
	before := to - g.Overlap.Milliseconds()
	g.at.Seen.prune(before)
	g.file.Update(func(s *state) {
		p := (*s)[g.configured]
		p.Begin, p.Until = g.at.Begin, to
		maps.Copy(p.Seen, fresh)
		p.Seen.prune(before)
	})
	return g.file.SaveAfter(saveEvery)
}

// event hands an event over as a subscription would.
func (g *group) event(ctx context.Context, e types.FilteredLogEvent) error {
	type logEvent struct {
		ID        string `json:"id"`
		Timestamp int64  `json:"timestamp"`
		Message   string `json:"message"`
	}
	id := aws.ToString(e.EventId)
	text, err := json.Marshal(struct {
		Type   string     `json:"messageType"`
		Owner  string     `json:"owner"`
		Group  string     `json:"logGroup"`
		Stream string     `json:"logStream"`
		Events []logEvent `json:"logEvents"`
	}{"DATA_MESSAGE", g.account, g.name, aws.ToString(e.LogStreamName), []logEvent{{id, aws.ToInt64(e.Timestamp), aws.ToString(e.Message)}}})
	if err != nil {
		return fmt.Errorf("event %s: %w", id, err)
	}
	base := producers.Record{
		Origin: "cloudwatch:" + g.account + ":" + g.region + ":" + g.name, Received: time.UnixMilli(aws.ToInt64(e.IngestionTime)).UTC(),
		Attrs: map[string]string{
			producers.AttrFile: "cloudwatch:" + g.name + "/" + aws.ToString(e.LogStreamName), producers.AttrRegion: g.region, producers.AttrAccount: g.account,
		},
	}
	return unpack.Unpack(ctx, strings.NewReader(string(text)), base, unpack.Options{MaxRecord: 7 * maxRecord}, func(it unpack.Item) error {
		it.Record.Position = id + "/" + it.Record.Position
		return g.batch.Add(ctx, it.Record)
	})
}
