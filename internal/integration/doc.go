// Package integration runs the whole pipeline as it runs in production: the binary, a process a stage, on Apache Kafka, PostgreSQL and an
// AWS API that keeps state (moto), all in containers, in enforce mode. Effects are looked for in the AWS API itself.
//
//	deployment_test.go  configuration and processes        servers_test.go  what they run on
//	aws_test.go         seeding and asking the AWS API     proxy_test.go    a way to it, and to PostgreSQL, that can be cut
//	records_test.go     records as AWS writes them         hook_test.go     the receiver of alerts
//	witness_test.go     what one process asks of AWS, to be counted and held up
//
// Every other file is a scenario or some that belong together; TestRiposte lists them.
package integration
