// Package servers starts the real servers that riposte is tested on, in containers: Apache Kafka, PostgreSQL, and moto as the AWS API. A test has one of
// each for its time; the torture harness has a cluster of brokers and a database, which it kills and starts again. Where RIPOSTE_TEST_KAFKA,
// RIPOSTE_TEST_POSTGRES or RIPOSTE_TEST_AWS names a server, a test uses that one instead.
package servers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/exec"

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
	// signalled: it was stopped by signals, and not frozen.
	signalled bool
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

// Pause stops it as it stands, its connections open. A kernel may be unable to freeze what waits for a disk: then its processes are stopped one by one.
func (m *machine) Pause(ctx context.Context) error {
	_, err := m.docker.ContainerPause(ctx, m.GetContainerID(), client.ContainerPauseOptions{})
	if err == nil {
		return nil
	}
	if alike := m.signal(ctx, "STOP"); alike != nil {
		return fmt.Errorf("pause container: %w", errors.Join(err, alike))
	}
	m.signalled = true
	return nil
}

// Resume lets it go on.
func (m *machine) Resume(ctx context.Context) error {
	if m.signalled {
		m.signalled = false
		return m.signal(ctx, "CONT")
	}
	if _, err := m.docker.ContainerUnpause(ctx, m.GetContainerID(), client.ContainerUnpauseOptions{}); err != nil {
		return fmt.Errorf("resume container: %w", err)
	}
	return nil
}

// signal sends a signal to all processes of the container: to the first, which would begin others, and then to the rest.
func (m *machine) signal(ctx context.Context, name string) error {
	if _, err := m.docker.ContainerKill(ctx, m.GetContainerID(), client.ContainerKillOptions{Signal: name}); err != nil {
		return fmt.Errorf("signal %s: %w", name, err)
	}
	// Alone in its container, the first process leaves nobody for the others' signal: kill has nothing to do then, and says so.
	if code, _, err := m.Exec(ctx, []string{"sh", "-c", "kill -" + name + " -1"}, exec.WithUser("0")); err != nil {
		return fmt.Errorf("signal %s to all: %w", name, err)
	} else if code > 1 {
		return fmt.Errorf("signal %s to all: code %d", name, code)
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
	return &machine{Container: c, docker: docker}, nil
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
