package servers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/testcontainers/testcontainers-go"
	tcexec "github.com/testcontainers/testcontainers-go/exec"
	"github.com/testcontainers/testcontainers-go/network"
	"github.com/testcontainers/testcontainers-go/wait"
)

// A Cluster is some Kafka brokers that belong together, each of them also a controller, with three replicas of everything where there are three of
// them. Whoever started it closes it.
type Cluster struct {
	Brokers []*Broker

	net *testcontainers.DockerNetwork
}

// A Broker is one of a cluster; its node id is its place in there, counted from 1.
type Broker struct {
	*machine

	Direct string // host:port for clients that nothing stands between
	Front  string // host:port of the listener whose clients are told of another address: see StartCluster
}

// StartCluster starts as many brokers as told has addresses. A client that comes in by a broker's Front is told that the brokers are at these addresses,
// where something stands that passes connections on to Front.
func StartCluster(ctx context.Context, told []string) (c *Cluster, err error) {
	docker, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return nil, fmt.Errorf("docker: %w", err)
	}
	c = &Cluster{Brokers: make([]*Broker, len(told))}
	if c.net, err = network.New(ctx); err != nil {
		return nil, fmt.Errorf("docker network: %w", err)
	}
	var all sync.WaitGroup
	errs := make([]error, len(told))
	for i := range told {
		all.Go(func() { c.Brokers[i], errs[i] = c.start(ctx, docker, i+1, told) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, c.Close(ctx))
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context, docker *testcontainers.DockerClient, id int, told []string) (*Broker, error) {
	addrs, err := freeAddrs(2)
	if err != nil {
		return nil, err
	}
	var voters []string
	for i := range told {
		voters = append(voters, fmt.Sprintf("%d@kafka-%d:9093", i+1, i+1))
	}
	name, replicas := fmt.Sprintf("kafka-%d", id), strconv.Itoa(min(3, len(told)))
	insync := strconv.Itoa((min(3, len(told)) + 1) / 2)
	m, err := start(ctx, docker, KafkaImage,
		testcontainers.WithExposedPorts("9094/tcp", "9095/tcp"), published(map[string]string{"9094/tcp": addrs[0], "9095/tcp": addrs[1]}),
		network.WithNetwork([]string{name}, c.net),
		testcontainers.WithEnv(kafkaEnv(map[string]string{
			"KAFKA_NODE_ID":                                  strconv.Itoa(id),
			"KAFKA_CONTROLLER_QUORUM_VOTERS":                 strings.Join(voters, ","),
			"KAFKA_LISTENERS":                                "INTERNAL://:9092,CONTROLLER://:9093,FRONT://:9094,DIRECT://:9095",
			"KAFKA_ADVERTISED_LISTENERS":                     "INTERNAL://" + name + ":9092,FRONT://" + told[id-1] + ",DIRECT://" + addrs[1],
			"KAFKA_LISTENER_SECURITY_PROTOCOL_MAP":           "CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT,FRONT:PLAINTEXT,DIRECT:PLAINTEXT",
			"KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR":         replicas,
			"KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS":             "6",
			"KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": replicas,
			"KAFKA_TRANSACTION_STATE_LOG_MIN_ISR":            insync,
			"KAFKA_DEFAULT_REPLICATION_FACTOR":               replicas,
			"KAFKA_MIN_INSYNC_REPLICAS":                      insync,
			"KAFKA_AUTO_CREATE_TOPICS_ENABLE":                "false",
			"KAFKA_HEAP_OPTS":                                "-Xms256m -Xmx512m",
		})),
		testcontainers.WithWaitStrategy(wait.ForListeningPort("9095/tcp").WithStartupTimeout(startup)))
	if err != nil {
		return nil, err
	}
	return &Broker{m, addrs[1], addrs[0]}, nil
}

// Direct are the addresses of the brokers for clients that nothing stands between.
func (c *Cluster) Direct() []string {
	var addrs []string
	for _, b := range c.Brokers {
		addrs = append(addrs, b.Direct)
	}
	return addrs
}

// Controller asks a broker that runs for the node id of the controller that leads.
func (c *Cluster) Controller(ctx context.Context, of *Broker) (int, error) {
	text, err := of.tool(ctx, "org.apache.kafka.tools.MetadataQuorumCommand", "describe", "--status") // kafka-metadata-quorum.sh
	if err != nil {
		return 0, fmt.Errorf("controller: %w", err)
	}
	found := regexp.MustCompile(`LeaderId:\s+(\d+)`).FindSubmatch(text)
	if found == nil {
		return 0, fmt.Errorf("controller: none named: %.300s", text)
	}
	return strconv.Atoi(string(found[1]))
}

// Commits are all offsets that groups have committed, in the order in which they did, an object in JSON each as Kafka's own consumer prints them. No
// client but Kafka's hands that topic out.
func (c *Cluster) Commits(ctx context.Context) ([]byte, error) {
	const silence = "15000"                                                                // milliseconds without a message, after which that was all
	text, err := c.Brokers[0].tool(ctx, "org.apache.kafka.tools.consumer.ConsoleConsumer", // kafka-console-consumer.sh
		"--topic", "__consumer_offsets", "--from-beginning", "--timeout-ms", silence, "--formatter", "org.apache.kafka.tools.consumer.OffsetsMessageFormatter")
	if err != nil {
		return nil, fmt.Errorf("commits: %w", err)
	}
	return text, nil
}

// tool runs one of Kafka's tools in the broker's container and returns what it prints, but for what its logger has to say.
func (b *Broker) tool(ctx context.Context, class string, args ...string) ([]byte, error) {
	java := []string{"sh", "-c", `exec java -cp '/opt/kafka/libs/*' "$@" 2>/dev/null`, "sh", class, "--bootstrap-server", "localhost:9092"}
	code, out, err := b.Exec(ctx, append(java, args...), tcexec.Multiplexed())
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(out)
	if err != nil {
		return nil, err
	}
	if code != 0 {
		return nil, fmt.Errorf("%s: exit %d: %.300s", class, code, text)
	}
	return text, nil
}

// Close removes the brokers and their network, also when ctx has ended.
func (c *Cluster) Close(ctx context.Context) error {
	var errs []error
	for _, b := range c.Brokers {
		if b != nil {
			errs = append(errs, b.remove())
		}
	}
	if err := c.net.Remove(context.WithoutCancel(ctx)); err != nil {
		errs = append(errs, fmt.Errorf("docker network: %w", err))
	}
	return errors.Join(errs...)
}
