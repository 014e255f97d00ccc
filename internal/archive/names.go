package archive

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/riposte-security/riposte/internal/kafka"
)

// The files of a segment, by the end of their names.
const (
	dataSuffix     = ".ndjson.zst"
	indexSuffix    = ".index"
	manifestSuffix = ".manifest"
	segmentFolder  = "segments"
)

// A part is one partition of a topic.
type part struct {
	topic     string
	partition int
}

// A place is one place in the chain of a partition.
type place struct {
	topic     string
	partition int
	start     int64
}

// folder is where the segments of a partition are.
func (p place) folder() string {
	return path.Join(segmentFolder, p.topic, fmt.Sprintf("%05d", p.partition)) + "/"
}

// name is the name of a file of the segment. Names sort as offsets do.
func (p place) name(suffix string) string { return p.folder() + fmt.Sprintf("%020d", p.start) + suffix }

// String is how people are told of the segment.
func (p place) String() string { return strings.TrimSuffix(p.name(""), "/") }

// parseName reads the name of a file of a segment.
func parseName(name string) (p place, suffix string, ok bool) {
	parts := strings.Split(name, "/")
	if len(parts) != 4 || parts[0] != segmentFolder || !kafka.ValidTopic(parts[1]) {
		return p, "", false
	}
	start, suffix, found := strings.Cut(parts[3], ".")
	if !found {
		return p, "", false
	}
	p.topic = parts[1]
	partition, err := strconv.ParseUint(parts[2], 10, 31)
	if err != nil {
		return p, "", false
	}
	p.partition = int(partition)
	if p.start, err = strconv.ParseInt(start, 10, 64); err != nil || p.start < 0 {
		return p, "", false
	}
	suffix = "." + suffix
	return p, suffix, p.name(suffix) == name // there is one spelling
}
