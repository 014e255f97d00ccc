//go:build integration

package kafka_test

import (
	"strings"
	"testing"

	"github.com/riposte-security/riposte/internal/servers"
)

func TestOnApacheKafka(t *testing.T) {
	addrs := strings.Split(servers.Kafka(t), ",")
	for name, scenario := range scenarios() {
		t.Run(name, func(t *testing.T) { scenario(t, addrs) })
	}
}
