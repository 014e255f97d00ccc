package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
)

// A commit is one that Kafka has taken, as its own tool prints it, one behind the other.
type commit struct {
	Key struct {
		Type int `json:"type"` // 1: a commit
		Data struct {
			Group     string `json:"group"`
			Topic     string `json:"topic"`
			Partition int    `json:"partition"`
		} `json:"data"`
	} `json:"key"`
	Value *struct { // nil: it is taken away
		Data struct {
			Offset int64 `json:"offset"`
		} `json:"data"`
	} `json:"value"`
}

// backwards reads all commits of riposte's groups, in the order in which Kafka took them, and says which were lower than one before: a member that no longer
// had the partition made it.
func (w *world) backwards(ctx context.Context) (commits int, back []string, err error) {
	text, err := w.cluster.Commits(ctx)
	if err != nil {
		return 0, nil, err
	}
	return lower(text)
}

// lower finds the commits that went back.
func lower(text []byte) (commits int, back []string, err error) {
	last := map[string]int64{}
	for d := json.NewDecoder(bytes.NewReader(text)); d.More(); {
		var c commit
		if err := d.Decode(&c); err != nil {
			return commits, nil, fmt.Errorf("commits: %w", err)
		}
		if c.Key.Type != 1 || c.Value == nil {
			continue // what members a group has
		}
		commits++
		of, at := fmt.Sprintf("group %s, %s/%d", c.Key.Data.Group, c.Key.Data.Topic, c.Key.Data.Partition), c.Value.Data.Offset
		if before, known := last[of]; known && at < before {
			back = append(back, fmt.Sprintf("%s: %d was committed after %d", of, at, before))
		}
		last[of] = at
	}
	return commits, back, nil
}
