package normalize

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/schemas"
)

type echo struct{}

func (echo) Parse(r producers.Record) ([]schemas.Event, error) {
	if bytes.Contains(r.Data, []byte("bad")) {
		return nil, fault.Permanent(errors.New("bad record"))
	}
	e := schemas.Event{Data: r.Data, UID: schemas.DerivedUID(r.Origin, r.Position, "0"), Time: r.Received}
	return []schemas.Event{e, e}, nil
}

func run(t *testing.T, in []byte) string {
	t.Helper()
	var b strings.Builder
	err := Run(context.Background(), bytes.NewReader(in), "f.json", time.Unix(7, 0), echo{}, func(n int, ev schemas.Event, err error) error {
		fmt.Fprintf(&b, "%d %s %s %d %v\n", n, ev.Data, ev.UID, ev.Time.Unix(), err)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRun(t *testing.T) {
	in := "{\"a\":1}\n{\"a\":\"bad\"}\n{\"a\":\n{\"a\":4}\n"
	got := run(t, []byte(in))
	lines := strings.Split(strings.TrimSpace(got), "\n")
	if len(lines) != 6 || !strings.HasPrefix(lines[0], `1 {"a":1}`) || !strings.HasSuffix(lines[2], " bad record") ||
		!strings.HasPrefix(lines[3], "3 ") || !strings.Contains(lines[3], "at byte 20") || !strings.HasPrefix(lines[5], `4 {"a":4}`) {
		t.Error(got)
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(in))
	_ = w.Close()
	if run(t, b.Bytes()) != got {
		t.Error("compressed, the file gives other events")
	}
	if got := run(t, b.Bytes()[:b.Len()/2]); !strings.Contains(got, "compressed stream") {
		t.Error("a file cut short:", got)
	}
}

func TestVisitEnds(t *testing.T) {
	stop := errors.New("enough")
	err := Run(context.Background(), strings.NewReader("{}\n{}\n"), "f", time.Time{}, echo{}, func(int, schemas.Event, error) error { return stop })
	if !errors.Is(err, stop) {
		t.Error(err)
	}
}
