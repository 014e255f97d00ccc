//go:build integration

package servers

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"

	"github.com/riposte-security/riposte/internal/testcert"
)

// A SecuredBroker is Apache Kafka with an authorizer and nothing in the clear.
type SecuredBroker struct {
	SASL   string // address for TLS with SASL: PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512
	Mutual string // address for mutual TLS
}

// SecuredAdmin is the user who may do everything. Passwords under PLAIN are the names, backwards.
const SecuredAdmin = "root"

// SecuredPassword is the password of a user under PLAIN.
func SecuredPassword(user string) string {
	b := []byte(user + "-secret")
	slices.Reverse(b)
	return string(b)
}

// SecuredKafka starts a broker on which nobody may do anything that no ACL allows, but for SecuredAdmin. users exist under PLAIN.
func SecuredKafka(tb testing.TB, a *testcert.Authority, users ...string) SecuredBroker {
	tb.Helper()
	addrs, err := freeAddrs(2)
	if err != nil {
		tb.Fatal(err)
	}
	b := SecuredBroker{SASL: addrs[0], Mutual: addrs[1]}
	var jaas strings.Builder
	jaas.WriteString("org.apache.kafka.common.security.plain.PlainLoginModule required")
	for _, u := range append(users, SecuredAdmin) {
		fmt.Fprintf(&jaas, ` user_%s="%s"`, u, SecuredPassword(u))
	}
	scram := "org.apache.kafka.common.security.scram.ScramLoginModule required;"
	run(tb, KafkaImage,
		testcontainers.WithExposedPorts("9094/tcp", "9095/tcp"),
		published(map[string]string{"9094/tcp": b.SASL, "9095/tcp": b.Mutual}),
		testcontainers.WithFiles(
			testcontainers.ContainerFile{HostFilePath: a.Issue(tb, "broker").Both, ContainerFilePath: "/tmp/broker.pem", FileMode: 0o644},
			testcontainers.ContainerFile{HostFilePath: a.CA, ContainerFilePath: "/tmp/ca.pem", FileMode: 0o644},
		),
		testcontainers.WithEnv(map[string]string{
			"KAFKA_NODE_ID":                                                "1",
			"KAFKA_PROCESS_ROLES":                                          "broker,controller",
			"KAFKA_CONTROLLER_LISTENER_NAMES":                              "CONTROLLER",
			"KAFKA_CONTROLLER_QUORUM_VOTERS":                               "1@localhost:9093",
			"KAFKA_LISTENERS":                                              "INTERNAL://localhost:9092,CONTROLLER://localhost:9093,USERS://:9094,MUTUAL://:9095",
			"KAFKA_ADVERTISED_LISTENERS":                                   "INTERNAL://localhost:9092,USERS://" + b.SASL + ",MUTUAL://" + b.Mutual,
			"KAFKA_LISTENER_SECURITY_PROTOCOL_MAP":                         "CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT,USERS:SASL_SSL,MUTUAL:SSL",
			"KAFKA_INTER_BROKER_LISTENER_NAME":                             "INTERNAL",
			"KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR":                       "1",
			"KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR":               "1",
			"KAFKA_TRANSACTION_STATE_LOG_MIN_ISR":                          "1",
			"KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS":                       "0",
			"KAFKA_AUTO_CREATE_TOPICS_ENABLE":                              "false",
			"KAFKA_AUTHORIZER_CLASS_NAME":                                  "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
			"KAFKA_SUPER_USERS":                                            "User:" + SecuredAdmin + ";User:ANONYMOUS", // of the listeners that nobody else reaches
			"KAFKA_SSL_KEYSTORE_TYPE":                                      "PEM",
			"KAFKA_SSL_KEYSTORE_LOCATION":                                  "/tmp/broker.pem",
			"KAFKA_SSL_TRUSTSTORE_TYPE":                                    "PEM",
			"KAFKA_SSL_TRUSTSTORE_LOCATION":                                "/tmp/ca.pem",
			"KAFKA_LISTENER_NAME_MUTUAL_SSL_CLIENT_AUTH":                   "required",
			"KAFKA_LISTENER_NAME_USERS_SASL_ENABLED_MECHANISMS":            "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
			"KAFKA_LISTENER_NAME_USERS_PLAIN_SASL_JAAS_CONFIG":             jaas.String() + ";",
			"KAFKA_LISTENER_NAME_USERS_SCRAM___SHA___256_SASL_JAAS_CONFIG": scram,
			"KAFKA_LISTENER_NAME_USERS_SCRAM___SHA___512_SASL_JAAS_CONFIG": scram,
		}),
		testcontainers.WithWaitStrategy(wait.ForMappedPort("9094/tcp").WithStartupTimeout(startup)),
	)
	return b
}

// SecuredUser is the part of a configuration with which a user of SecuredKafka connects.
func SecuredUser(b SecuredBroker, a *testcert.Authority, user string) string {
	return strings.Join([]string{
		fmt.Sprintf("kafka: { brokers: [ %q ], partitions: 2, replication: 1,", b.SASL),
		fmt.Sprintf("  tls: { enabled: true, ca: %q },", a.CA),
		fmt.Sprintf("  sasl: { mechanism: plain, username: %s, password: %q } }", user, SecuredPassword(user)),
	}, "\n") + "\n"
}
