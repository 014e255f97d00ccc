// Package pipeline measures the stages on a real broker, each beside what it can be held against in the same run: the router beside a loop on bare kafka-go
// (see rawloop), producers beside normalising alone.
//
//	make bench-pipeline
package pipeline
