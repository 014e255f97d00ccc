package fault

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestAfter(t *testing.T) {
	cause := errors.New("busy")
	err := fmt.Errorf("webhook: %w", After(cause, 7*time.Second))
	if Wait(err) != 7*time.Second || !errors.Is(err, cause) || IsPermanent(err) {
		t.Errorf("Wait %s, permanent %t: %v", Wait(err), IsPermanent(err), err)
	}
	if After(nil, time.Second) != nil || Wait(nil) != 0 || Wait(cause) != 0 || !errors.Is(After(cause, 0), cause) {
		t.Error("without an error or a time nothing is noted")
	}
}
