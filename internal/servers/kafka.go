package servers

import (
	"maps"
	"net"
	"net/netip"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/testcontainers/testcontainers-go"
)

// kafkaEnv is what is the same of every broker. Extra settings stand over it.
func kafkaEnv(extra map[string]string) map[string]string {
	env := map[string]string{
		"KAFKA_NODE_ID":                          "1",
		"KAFKA_PROCESS_ROLES":                    "broker,controller",
		"KAFKA_CONTROLLER_LISTENER_NAMES":        "CONTROLLER",
		"KAFKA_INTER_BROKER_LISTENER_NAME":       "INTERNAL",
		"KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
	}
	maps.Copy(env, extra)
	return env
}

// published publishes ports of a container on addresses of this machine.
func published(addrs map[string]string) testcontainers.CustomizeRequestOption {
	return testcontainers.WithHostConfigModifier(func(h *container.HostConfig) {
		h.PortBindings = network.PortMap{}
		for inside, addr := range addrs {
			host, port, _ := net.SplitHostPort(addr) // it is one of ours
			h.PortBindings[network.MustParsePort(inside)] = []network.PortBinding{{HostIP: netip.MustParseAddr(host), HostPort: port}}
		}
	})
}
