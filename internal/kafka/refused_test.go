package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/segmentio/kafka-go"
)

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want bool
	}{
		{kafka.TopicAuthorizationFailed, true},
		{errors.Join(context.DeadlineExceeded, fmt.Errorf("topic t: %w", kafka.PolicyViolation)), true},
		{kafka.NotController, false},
		{kafka.RequestTimedOut, false},
		{context.DeadlineExceeded, false},
		{io.EOF, false},
		{errNotReady, false},
		{nil, false},
	} {
		if got := Refused(c.err); got != c.want {
			t.Errorf("%v: %t", c.err, got)
		}
	}
}
