package servers

import (
	"context"
	"fmt"
	"net"

	"github.com/moby/moby/api/types/network"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
)

func postgresEnv() map[string]string {
	return map[string]string{"POSTGRES_USER": "riposte", "POSTGRES_PASSWORD": "riposte", "POSTGRES_DB": "riposte"}
}

// postgresAnswers waits until a query is answered: the image starts the server twice, and only that tells.
func postgresAnswers() wait.Strategy {
	return wait.ForSQL("5432/tcp", "pgx", func(host string, port network.Port) string {
		return postgresURL(net.JoinHostPort(host, port.Port()))
	}).WithStartupTimeout(startup)
}

// A Database is a PostgreSQL that can be killed, and started again with what it had. Whoever started it closes it.
type Database struct {
	*machine

	Addr string // host:port, the same after a kill
}

// StartDatabase starts a PostgreSQL with an empty database.
func StartDatabase(ctx context.Context) (*Database, error) {
	docker, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return nil, fmt.Errorf("docker: %w", err)
	}
	addrs, err := freeAddrs(1)
	if err != nil {
		return nil, err
	}
	m, err := start(ctx, docker, PostgresImage, testcontainers.WithExposedPorts("5432/tcp"), published(map[string]string{"5432/tcp": addrs[0]}),
		testcontainers.WithEnv(postgresEnv()), testcontainers.WithWaitStrategy(postgresAnswers()))
	if err != nil {
		return nil, err
	}
	return &Database{m, addrs[0]}, nil
}

// URL leads to the database by way of an address: its own, or that of a proxy before it.
func (d *Database) URL(addr string) string { return postgresURL(addr) }

// Close removes it.
func (d *Database) Close() error { return d.remove() }
