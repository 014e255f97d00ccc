// Package archive keeps what went over Kafka, so that nobody can change it afterwards without being found out.
//
// The evidence is segments: for each partition of a topic a chain of files of exact records (NDJSON, zstd), each with an index of its records'
// hashes and a signed manifest that carries the hash of the manifest before it. The name of a segment is the offset at which it begins, and
// nothing is ever overwritten: whoever writes a partition, there is one segment at each place of the chain. A segment counts once its manifest is
// there. What a crash left behind of one is signed already, and completed by the next writer as it stands; so no offset is archived twice and none
// is left out.
//
// Parquet files in the layout of Amazon Security Lake are made of each segment, for queries, and listed in its manifest.
package archive
