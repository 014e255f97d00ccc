//go:build integration

package servers

import "testing"

func TestServersStart(t *testing.T) {
	for name, start := range map[string]func(testing.TB) string{"kafka": Kafka, "postgres": Postgres, "aws": AWS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Log(start(t))
		})
	}
}
