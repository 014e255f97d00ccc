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
//	fleet.go     processes                        faults*.go    what happens to all of it
package main
