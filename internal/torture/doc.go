// Command torture runs the riposte binary as it runs in production, a process a stage and some of each, against a real three-broker Kafka, PostgreSQL and
// a recorder of effects, under load, while everything that can fail does: drawn from a seed, so that a run can be had again.
//
//	go run ./internal/torture --seed 7 --duration 10m --events 200000 --faults 60 --report torture.json
//
// At the end it holds by id against each other what was sent, what the router decided, what the ledger has, and which calls the recorder saw. What must
// follow is worked out from the events that were sent, and what did follow is read from Kafka, by SQL, and from the recorder: none of riposte's own code
// judges itself. The exit code is 1 if anything was lost or doubled.
//
//	load.go      events, and what must follow    recorder.go   where effects end
//	feed.go      sending them                     reconcile.go  the comparison
//	world.go     servers, links, configuration    evidence.go   what it goes by
//	fleet.go     processes                        offsets.go    commits that went back
//	faults*.go   what happens to all of it        leaks.go      what processes hold at rest
//	disk.go      the embedded broker's full disk
//
// # Order
//
// Effects on one target must come in the order of its events, as far as there is one: a target gets its events by one way in, and of the files by one file,
// since files are read beside each other.
//
// # Traps
//
// What is known to go wrong in pipelines of this kind, and what shows that it does not here:
//
//	a commit for a partition already revoked       offsets.go: every commit that Kafka took, by its own tool; kafka.TestReleased
//	a batch lost at a rebalance                     lost events and commands, with replicas that come and go; integration.TestCorrelations
//	a poison message that blocks a partition        feed.go puts some on every topic; each must become a dead letter, and nothing else
//	a retry storm                                   "the recorder refuses": the calls with one key are bounded by the pauses between them
//	a lease that expires under a slow action        "the recorder takes longer than a lease", "stop a consumer past its session and leases": no key is seen
//	                                                more often than the ledger handed its command out; ledgertest leasesFence, consumers.TestLeaseEndsThoughExtendHangs
//	a commit before a write                         kill -9 of each stage: nothing that was committed may be missing behind it
//	too few replicas, moved leaders as success      kill -9 of brokers; kafka.TestOnlyAllReplicasAreSuccess
//	a reader behind retention that jumps silently   kafka.TestBehindRetention
//
// The clock of the machine is not set. One of the consumers has one of its own, which jumps (built with the tag jumpclock; all else is the binary as it is):
// what it takes from others, leaves to them and promises is in its time. What jumps do to budgets and blocks is in the consumers' TestClockPutForward and
// TestClockPutBack.
//
// # Seeds that found something
//
//	1  brokers waited half a second for their replicas, kept the messages and said that they had not: kafka.TestReplicasHaveTime
//	1  router.max_rate had no effect, every rule having a rate of its own: router.TestSimulationCounts
//	3  net/http made calls again whose answer was cut off, up to eight for four that the ledger knew of: callout.TestOneRequestIsMadeOnce
package main
