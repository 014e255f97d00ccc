package kafka

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/segmentio/kafka-go"

	"github.com/riposte-security/riposte/internal/obs"
)

// TestCoordinatorMayStart: that a coordinator starts is waiting, said once; that it never does is Kafka being away.
func TestCoordinatorMayStart(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := zerolog.New(&out)
	m := &member{c: &Client{health: newHealth(obs.NewCondition(log, "kafka"))}, log: log, who: "group g"}
	said := func(waiting, away int) {
		t.Helper()
		if w, a := strings.Count(out.String(), "waiting for the group coordinator"), strings.Count(out.String(), "kafka is away"); w != waiting || a != away {
			t.Errorf("said %d times that it waits and %d times that kafka is away, want %d and %d:\n%s", w, a, waiting, away, out.String())
		}
	}
	start := time.Now()
	for i, err := range []error{kafka.GroupCoordinatorNotAvailable, fmt.Errorf("join: %w", kafka.GroupLoadInProgress), kafka.GroupCoordinatorNotAvailable} {
		m.joinFailed(err, start.Add(time.Duration(i)*time.Second))
	}
	said(1, 0)
	m.joinFailed(kafka.GroupCoordinatorNotAvailable, start.Add(coordinatorPatience+time.Second))
	said(1, 1)
	m.c.health.ok(m.who)
	m.starting = time.Time{}

	m.c.health.back = time.Time{} // long ago
	m.joinFailed(io.EOF, start)   // anything else is a failure at once
	said(1, 2)
}
