package archive

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/schemas"
)

// A table is where the rows of a message go: the layout of Amazon Security Lake. It has one source for each class of events, and in it partitions by
// region, account and the day of the event.
type table struct {
	commands             bool // commands have a table of their own
	class                int
	region, account, day string
}

const (
	// outside is the account of what belongs to none on AWS, as Security Lake has it.
	outside = "external"
	// maxTables bounds the Parquet files of one segment. What is beyond goes to one more, of base events on the first day of all: who makes accounts
	// up makes no files.
	maxTables = 500
	dayForm   = "20060102"
	// groupBytes is about how much goes into a row group, before compression. It bounds memory.
	groupBytes = 32 << 20
	// pageBytes is about how much goes into a page: Security Lake wants less than 1 MB.
	pageBytes = 256 << 10
)

// folder is where the files of a table are. source begins the names of sources.
func (t table) folder(source string) string {
	root := path.Join("ext", source+"_"+schemas.ClassName(t.class))
	if t.commands {
		root = "commands"
	}
	return path.Join(root, "region="+t.region, "accountId="+t.account, "eventDay="+t.day)
}

func tableName(folder string, p place) string {
	return fmt.Sprintf("%s/%s-%05d-%020d.parquet", folder, p.topic, p.partition, p.start)
}

// parseTable reads from the name of a Parquet file which segment it was made of.
func parseTable(name string) (place, bool) {
	folder, file := path.Split(name)
	rest, ok := strings.CutSuffix(file, ".parquet")
	i := strings.LastIndexByte(rest, '-')
	if !ok || i < 0 {
		return place{}, false
	}
	j := strings.LastIndexByte(rest[:i], '-')
	if j < 0 {
		return place{}, false
	}
	p, _, ok := parseName(path.Join(segmentFolder, rest[:j], rest[j+1:i], rest[i+1:]+manifestSuffix))
	return p, ok && tableName(strings.TrimSuffix(folder, "/"), p) == name
}

// An entry of a spool says where a message is in it, and where its row belongs.
type entry struct {
	at, size int64
	time     int64
	table    int32 // -1: none
}

// A sorter finds the tables of messages. It is part of a spool.
type sorter struct {
	a       *Archiver
	tables  []table
	known   map[table]int32
	entries []entry
}

// add notes where the line of a message is.
func (s *sorter) add(m *kafka.Message, at, size int64) {
	t, when, ok := s.a.tableOf(m)
	e := entry{at: at, size: size, time: when, table: -1}
	if ok {
		e.table = s.number(t)
	}
	s.entries = append(s.entries, e)
}

func (s *sorter) number(t table) int32 {
	n, ok := s.known[t]
	if ok {
		return n
	}
	if len(s.tables) >= maxTables {
		t = table{commands: t.commands, class: schemas.ClassBase, region: s.a.cfg.Region, account: outside, day: time.UnixMilli(0).UTC().Format(dayForm)}
		if n, ok = s.known[t]; ok {
			return n
		}
	}
	n = int32(len(s.tables)) //nolint:gosec // at most maxTables and some
	if s.known == nil {
		s.known = map[table]int32{}
	}
	s.tables, s.known[t] = append(s.tables, t), n
	return n
}

// tableOf says which table a message belongs to, and its time there; none for what is no event and no command.
func (a *Archiver) tableOf(m *kafka.Message) (t table, at int64, ok bool) {
	if slices.Contains(a.commandTopics, m.Topic) {
		c := gjson.GetManyBytes(m.Value, "target.region", "target.account", "created")
		created, err := time.Parse(time.RFC3339Nano, text(c[2]))
		if err != nil || !gjson.ValidBytes(m.Value) {
			return t, 0, false
		}
		return table{commands: true, region: a.region(text(c[0])), account: account(text(c[1])), day: day(created, m.Time)}, created.UnixMilli(), true
	}
	ev, err := m.Event()
	if err != nil {
		return t, 0, false
	}
	c := gjson.GetManyBytes(ev.Data, "cloud.region", "cloud.account.uid")
	return table{class: ev.Class, region: a.region(text(c[0])), account: account(text(c[1])), day: day(ev.Time, m.Time)}, ev.Time.UnixMilli(), true
}

// region is a region of AWS, or the archive's own.
func (a *Archiver) region(s string) string {
	parts := strings.Split(s, "-")
	ok := len(parts) >= 3 && len(s) <= 25
	for _, p := range parts {
		ok = ok && p != "" && strings.Trim(p, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
	}
	if !ok {
		return a.cfg.Region
	}
	return s
}

func account(s string) string {
	if len(s) != 12 || strings.Trim(s, "0123456789") != "" {
		return outside
	}
	return s
}

// day is the day of an event, in UTC; where its time is out of all proportion, that of the message.
func day(event, message time.Time) string {
	if event.Year() < 2000 || event.After(message.AddDate(0, 0, 2)) {
		event = message
	}
	return event.UTC().Format(dayForm)
}
