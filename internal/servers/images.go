// Package servers starts the real servers that riposte is tested on, in containers: Apache Kafka, PostgreSQL, and moto as the AWS API. A test has one of
// each for its time; the torture harness has a cluster of brokers and a database, which it kills and starts again. Where RIPOSTE_TEST_KAFKA,
// RIPOSTE_TEST_POSTGRES or RIPOSTE_TEST_AWS names a server, a test uses that one instead.
package servers

import (
	"context"
	"fmt"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"github.com/riposte-security/riposte/internal/proc"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx", for who waits for a database
)

// The images, and their versions, that riposte is tested on.
const (
	KafkaImage    = "apache/kafka:4.1.1"
	PostgresImage = "postgres:17"
	MotoImage     = "motoserver/moto:5.2.5"
)

const startup = 3 * time.Minute

func postgresURL(addr string) string {
	return "postgres://riposte:riposte@" + addr + "/riposte?sslmode=disable"
}

// A machine is a container that can be killed, and started again as it was.
type machine struct {
	testcontainers.Container

	docker *testcontainers.DockerClient
}

// Kill ends it as a power cut does.
func (m *machine) Kill(ctx context.Context) error {
	if _, err := m.docker.ContainerKill(ctx, m.GetContainerID(), client.ContainerKillOptions{Signal: "KILL"}); err != nil {
		return fmt.Errorf("kill container: %w", err)
	}
	return nil
}

// Revive starts it again. It returns before what is in there answers.
func (m *machine) Revive(ctx context.Context) error {
	if _, err := m.docker.ContainerStart(ctx, m.GetContainerID(), client.ContainerStartOptions{}); err != nil {
		return fmt.Errorf("start container: %w", err)
	}
	return nil
}

// Pause stops it as it stands, its connections open.
func (m *machine) Pause(ctx context.Context) error {
	if _, err := m.docker.ContainerPause(ctx, m.GetContainerID(), client.ContainerPauseOptions{}); err != nil {
		return fmt.Errorf("pause container: %w", err)
	}
	return nil
}

// Resume lets it go on.
func (m *machine) Resume(ctx context.Context) error {
	if _, err := m.docker.ContainerUnpause(ctx, m.GetContainerID(), client.ContainerUnpauseOptions{}); err != nil {
		return fmt.Errorf("resume container: %w", err)
	}
	return nil
}

// remove ends it for good.
func (m *machine) remove() error {
	if err := testcontainers.TerminateContainer(m.Container, testcontainers.StopTimeout(0)); err != nil {
		return fmt.Errorf("remove container: %w", err)
	}
	return nil
}

// start starts a container of an image. Where it fails, nothing is left of it.
func start(ctx context.Context, docker *testcontainers.DockerClient, image string, opts ...testcontainers.ContainerCustomizer) (*machine, error) {
	ctx, cancel := context.WithTimeout(ctx, startup)
	defer cancel()
	c, err := testcontainers.Run(ctx, image, opts...)
	if err != nil {
		if c != nil {
			_ = testcontainers.TerminateContainer(c, testcontainers.StopTimeout(0)) // the first error says more
		}
		return nil, fmt.Errorf("container of %s: %w", image, err)
	}
	return &machine{c, docker}, nil
}

// freeAddrs are so many addresses on loopback that nobody listens on now.
func freeAddrs(n int) ([]string, error) {
	addrs := make([]string, n)
	for i := range addrs {
		var err error
		if addrs[i], err = proc.FreeAddr(); err != nil {
			return nil, err
		}
	}
	return addrs, nil
}
