//go:build integration

package servers

import (
	"cmp"
	"context"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"

	"github.com/riposte-security/riposte/internal/await"
)

// Kafka returns the address of a broker.
func Kafka(tb testing.TB) string {
	tb.Helper()
	return KafkaAt(tb, "")
}

// KafkaAt is Kafka for a test that stands between broker and clients: the broker tells clients that it is to be found at told. A broker that
// the environment names tells them what it likes.
func KafkaAt(tb testing.TB, told string) string {
	tb.Helper()
	if addr := os.Getenv("RIPOSTE_TEST_KAFKA"); addr != "" {
		return addr
	}
	// A broker tells clients where it is to be found, so the port must be known before it starts.
	addrs, err := freeAddrs(1)
	if err != nil {
		tb.Fatal(err)
	}
	addr := addrs[0]
	run(tb, KafkaImage,
		testcontainers.WithExposedPorts("9094/tcp"),
		published(map[string]string{"9094/tcp": addr}),
		testcontainers.WithEnv(kafkaEnv(loneKafka(":9092", ":9093", ":9094", cmp.Or(told, addr)))),
		testcontainers.WithWaitStrategy(wait.ForMappedPort("9094/tcp").WithStartupTimeout(startup)),
	)
	return addr
}

// DirectKafka is Kafka for what is measured: on Linux, the broker is in the network of this machine, since behind a published port stands a proxy that copies
// every byte.
func DirectKafka(tb testing.TB) string {
	tb.Helper()
	if os.Getenv("RIPOSTE_TEST_KAFKA") != "" || runtime.GOOS != "linux" {
		return Kafka(tb)
	}
	addrs, err := freeAddrs(3)
	if err != nil {
		tb.Fatal(err)
	}
	addr := addrs[2]
	run(tb, KafkaImage,
		testcontainers.WithHostConfigModifier(func(h *container.HostConfig) { h.NetworkMode = "host" }),
		testcontainers.WithEnv(kafkaEnv(loneKafka(addrs[0], addrs[1], addr, addr))),
	)
	await.Until(tb, "the broker answers", func() bool { return answers(tb, addr) })
	return addr
}

// loneKafka are the settings of a broker without others: where it listens for itself, as controller and for clients, and where those find it.
func loneKafka(itself, controller, clients, told string) map[string]string {
	return map[string]string{
		"KAFKA_CONTROLLER_QUORUM_VOTERS":                 "1@localhost" + controller[strings.LastIndex(controller, ":"):],
		"KAFKA_LISTENERS":                                "INTERNAL://" + itself + ",CONTROLLER://" + controller + ",EXTERNAL://" + clients,
		"KAFKA_ADVERTISED_LISTENERS":                     "INTERNAL://localhost" + itself[strings.LastIndex(itself, ":"):] + ",EXTERNAL://" + told,
		"KAFKA_LISTENER_SECURITY_PROTOCOL_MAP":           "CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT",
		"KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR":         "1",
		"KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
		"KAFKA_TRANSACTION_STATE_LOG_MIN_ISR":            "1",
	}
}

// Postgres returns the URL of an empty database.
func Postgres(tb testing.TB) string {
	tb.Helper()
	return postgres(tb, endpoint)
}

// DirectPostgres is Postgres for what is measured: it answers at its own address where this machine reaches that, since behind a published port stands
// a proxy that copies every byte, and takes as much of the processor as the database.
func DirectPostgres(tb testing.TB) string {
	tb.Helper()
	return postgres(tb, func(tb testing.TB, c testcontainers.Container, port string) string {
		tb.Helper()
		if ip, err := c.ContainerIP(tb.Context()); err == nil && ip != "" {
			number, _, _ := strings.Cut(port, "/")
			if addr := net.JoinHostPort(ip, number); answers(tb, addr) {
				return addr
			}
		}
		return endpoint(tb, c, port)
	})
}

// answers tells whether somebody listens at an address.
func answers(tb testing.TB, addr string) bool {
	tb.Helper()
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(tb.Context(), "tcp", addr)
	if err != nil {
		return false
	}
	_ = conn.Close() // nothing was written
	return true
}

func postgres(tb testing.TB, at func(tb testing.TB, c testcontainers.Container, port string) string) string {
	tb.Helper()
	if url := os.Getenv("RIPOSTE_TEST_POSTGRES"); url != "" {
		return url
	}
	c := run(tb, PostgresImage,
		testcontainers.WithExposedPorts("5432/tcp"),
		testcontainers.WithEnv(postgresEnv()),
		testcontainers.WithWaitStrategy(postgresAnswers()),
	)
	return postgresURL(at(tb, c, "5432/tcp"))
}

// AWS returns the endpoint URL of an AWS API that keeps state.
func AWS(tb testing.TB) string {
	tb.Helper()
	if url := os.Getenv("RIPOSTE_TEST_AWS"); url != "" {
		return url
	}
	c := run(tb, MotoImage,
		testcontainers.WithExposedPorts("5000/tcp"),
		testcontainers.WithWaitStrategy(wait.ForHTTP("/moto-api/").WithPort("5000/tcp").WithStartupTimeout(startup)),
	)
	return "http://" + endpoint(tb, c, "5000/tcp")
}

// run starts a container that ends with the test.
func run(tb testing.TB, image string, opts ...testcontainers.ContainerCustomizer) testcontainers.Container {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startup)
	defer cancel()
	c, err := testcontainers.Run(ctx, image, opts...)
	if c != nil {
		tb.Cleanup(func() {
			if err := testcontainers.TerminateContainer(c, testcontainers.StopTimeout(0)); err != nil {
				tb.Logf("container of %s: %v", image, err)
			}
		})
	}
	if err != nil {
		tb.Fatalf("container of %s: %v", image, err)
	}
	return c
}

func endpoint(tb testing.TB, c testcontainers.Container, port string) string {
	tb.Helper()
	addr, err := c.PortEndpoint(context.Background(), port, "")
	if err != nil {
		tb.Fatalf("port %s: %v", port, err)
	}
	return addr
}
