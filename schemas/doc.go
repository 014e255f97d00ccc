// Package schemas defines what the stages of riposte hand to each other through Kafka: events, commands, plans and outcomes.
//
// It is the vocabulary of the project and imports nothing else of it. The JSON form of every type here is described by a JSON
// Schema in this folder, and a test holds the two against each other.
package schemas
