//go:build integration

// Package servers starts the real servers that integration tests run against, in containers: Apache Kafka, PostgreSQL, and moto as the AWS
// API. Where RIPOSTE_TEST_KAFKA, RIPOSTE_TEST_POSTGRES or RIPOSTE_TEST_AWS names a server, that one is used instead.
package servers

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
)

// The images, and their versions, that riposte is tested on.
const (
	KafkaImage    = "apache/kafka:4.1.1"
	PostgresImage = "postgres:17"
	MotoImage     = "motoserver/moto:5.2.5"
)

const startup = 3 * time.Minute

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
	port := freePort(tb)
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	told = cmp.Or(told, addr)
	run(tb, KafkaImage,
		testcontainers.WithExposedPorts("9094/tcp"),
		testcontainers.WithHostConfigModifier(func(h *container.HostConfig) {
			h.PortBindings = network.PortMap{network.MustParsePort("9094/tcp"): {{HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: strconv.Itoa(port)}}}
		}),
		testcontainers.WithEnv(map[string]string{
			"KAFKA_NODE_ID":                                  "1",
			"KAFKA_PROCESS_ROLES":                            "broker,controller",
			"KAFKA_CONTROLLER_LISTENER_NAMES":                "CONTROLLER",
			"KAFKA_CONTROLLER_QUORUM_VOTERS":                 "1@localhost:9093",
			"KAFKA_LISTENERS":                                "INTERNAL://:9092,CONTROLLER://:9093,EXTERNAL://:9094",
			"KAFKA_ADVERTISED_LISTENERS":                     "INTERNAL://localhost:9092,EXTERNAL://" + told,
			"KAFKA_LISTENER_SECURITY_PROTOCOL_MAP":           "CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT",
			"KAFKA_INTER_BROKER_LISTENER_NAME":               "INTERNAL",
			"KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR":         "1",
			"KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
			"KAFKA_TRANSACTION_STATE_LOG_MIN_ISR":            "1",
			"KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS":         "0",
		}),
		testcontainers.WithWaitStrategy(wait.ForMappedPort("9094/tcp").WithStartupTimeout(startup)),
	)
	return addr
}

// Postgres returns the URL of an empty database.
func Postgres(tb testing.TB) string {
	tb.Helper()
	if url := os.Getenv("RIPOSTE_TEST_POSTGRES"); url != "" {
		return url
	}
	c := run(tb, PostgresImage,
		testcontainers.WithExposedPorts("5432/tcp"),
		testcontainers.WithEnv(map[string]string{"POSTGRES_USER": "riposte", "POSTGRES_PASSWORD": "riposte", "POSTGRES_DB": "riposte"}),
		testcontainers.WithWaitStrategy(wait.ForSQL("5432/tcp", "pgx", func(host string, port network.Port) string {
			return postgresURL(net.JoinHostPort(host, port.Port()))
		}).WithStartupTimeout(startup)), // its image starts the server twice: only an answered query tells
	)
	return postgresURL(endpoint(tb, c, "5432/tcp"))
}

func postgresURL(addr string) string {
	return "postgres://riposte:riposte@" + addr + "/riposte?sslmode=disable"
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

func freePort(tb testing.TB) int {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
	if err != nil {
		tb.Fatalf("free port: %v", err)
	}
	defer l.Close() //nolint:errcheck // only its number is wanted
	return l.Addr().(*net.TCPAddr).Port
}
