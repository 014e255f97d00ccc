// Package correlate decides over several events. What a correlation needs of an event is a Contribution, a message of the topic
// riposte.correlate keyed by the correlation and its group, so that one partition has all of a group. A State is what is known of one partition:
// it takes contributions, and gives a Firing for every (rule, group, floor(time/within)) in which some window of length within holds.
//
// Which triples fire is a function of the set of contributions (distinct uids), not of the order of their arrival, as long as each arrives within
// the lateness of its correlation. Two kinds of correlations need different care for that. Where more events can only make more windows hold
// (at least so many, one of each, faster than an airliner), a State fires as soon as a window holds. Where another event can make a window no
// longer hold (at most so many, a value never seen, no heartbeat), it waits until the lateness is over: see Spec.Sealed and State.Seal.
//
// Memory is bounded by what is kept of an event (a time and some hashes), by leaving out what can make no difference (thin.go), and in the last
// resort by a Budget, above which contributions are refused, and the caller is told.
//
// The package knows neither Kafka nor rules: it is a pure function of contributions and the times that it is told.
package correlate
