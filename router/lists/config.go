package lists

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/router/lists/parse"
	"github.com/riposte-security/riposte/router/lists/set"
)

// Config is the sections `lists` and `geoip` of riposte.yaml.
type Config struct {
	Lists []ListConfig
	GeoIP GeoIPConfig
}

// ListConfig is one list of the section `lists`.
type ListConfig struct {
	Name string `yaml:"-"`
	// Kind is ip, domain, hash or string; found out from the entries if empty.
	Kind set.Kind `yaml:"kind"`
	// From has one key: file, http or kafka.
	From config.Node `yaml:"from"`
	// Format is plain, csv, json or stix; by the file's name if empty, and else plain.
	Format    string `yaml:"format"`
	Column    string `yaml:"column"`
	Expires   string `yaml:"expires"`
	Delimiter string `yaml:"delimiter"`
	Path      string `yaml:"path"`
	// Refresh is how often the source is looked at: 30s for a file, which is also watched, and 1h for HTTP.
	Refresh time.Duration `yaml:"refresh"`
	// TTL is how long a copy holds: of a file since it was written, over HTTP since the server confirmed it, of a Kafka message since it was
	// sent. Without, a copy holds until there is another one.
	TTL        time.Duration `yaml:"ttl"`
	IgnoreCase bool          `yaml:"ignore_case"` // of strings
	Subdomains *bool         `yaml:"subdomains"`  // a domain stands for all below it; true if not set
	MaxEntries int           `yaml:"max_entries"`
	AllowEmpty bool          `yaml:"allow_empty"` // a copy without entries is taken, where it would be refused

	file  string
	http  *HTTPConfig
	kafka *KafkaConfig
}

// Defaults of lists.
const (
	fileRefresh    = 30 * time.Second
	httpRefresh    = time.Hour
	minRefresh     = time.Second
	minHTTPRefresh = 10 * time.Second
)

// ReadConfig reads the two sections. It does no I/O.
func ReadConfig(lists, geoip config.Node) (Config, error) {
	var c Config
	entries, err := lists.Entries()
	if err != nil {
		return c, err
	}
	for _, e := range entries {
		l := ListConfig{Name: e.Key}
		if !config.ValidName(l.Name) {
			return c, fmt.Errorf("%s: list %q: a name has letters, digits, dots, dashes and underscores", e.Value.Pos(), l.Name)
		}
		if slices.ContainsFunc(c.Lists, func(o ListConfig) bool { return o.Name == l.Name }) {
			return c, fmt.Errorf("%s: list %q stands twice", e.Value.Pos(), l.Name)
		}
		if err := l.read(e.Value); err != nil {
			return c, err
		}
		c.Lists = append(c.Lists, l)
	}
	return c, geoip.Decode(&c.GeoIP)
}

// Names are the names of the lists.
func (c Config) Names() []string {
	names := []string{}
	for _, l := range c.Lists {
		names = append(names, l.Name)
	}
	return names
}

// NeedsKafka tells whether any list is read from a topic.
func (c Config) NeedsKafka() bool {
	return slices.ContainsFunc(c.Lists, func(l ListConfig) bool { return l.kafka != nil })
}

func (l *ListConfig) read(n config.Node) error {
	if err := n.Decode(l); err != nil {
		return err
	}
	fail := func(key string, err error) error {
		return fmt.Errorf("%s: list %q: %w", n.At(key).Pos(), l.Name, err)
	}
	if l.Kind != set.Auto && !slices.Contains(set.Kinds(), l.Kind) {
		return fail("kind", fmt.Errorf("kind %q: ip, domain, hash or string expected", l.Kind))
	}
	kind, settings, err := l.From.Within(fileOf(n)).One()
	if err != nil {
		return fail("from", errors.New("from: one of file, http and kafka expected"))
	}
	switch kind {
	case "file":
		err = settings.Decode(&l.file)
		if err == nil && l.file == "" {
			err = fail("from", errors.New("from.file: the path of a file expected"))
		}
	case "http":
		l.http = defaultHTTP()
		err = settings.Decode(l.http)
	case "kafka":
		l.kafka = &KafkaConfig{}
		err = settings.Decode(l.kafka)
	default:
		err = fail("from", fmt.Errorf("from.%s: file, http or kafka expected", kind))
	}
	if err != nil {
		return err
	}
	l.defaults()
	return l.check(fail)
}

// fileOf is the name of the file that a node stands in.
func fileOf(n config.Node) string {
	name, _, _ := strings.Cut(n.Pos(), ":")
	return name
}

func (l *ListConfig) defaults() {
	if l.Refresh == 0 {
		l.Refresh = fileRefresh
		if l.http != nil {
			l.Refresh = httpRefresh
		}
	}
	if l.Format == "" {
		l.Format = formatOf(l.file)
		if l.http != nil {
			l.Format = formatOf(l.http.base())
		}
	}
}

// formatOf tells the format by a file's name.
func formatOf(name string) string {
	name = strings.TrimSuffix(strings.ToLower(name), ".gz")
	switch {
	case strings.HasSuffix(name, ".csv"):
		return parse.CSV
	case strings.HasSuffix(name, ".json"), strings.HasSuffix(name, ".jsonl"), strings.HasSuffix(name, ".ndjson"):
		return parse.JSON
	}
	return parse.Plain
}

func (l *ListConfig) check(fail func(string, error) error) error {
	if l.Delimiter != "" && utf8.RuneCountInString(l.Delimiter) != 1 {
		return fail("delimiter", fmt.Errorf("delimiter %q: one character expected", l.Delimiter))
	}
	if err := l.checkKafka(); err != nil {
		return fail("format", err)
	}
	if err := l.parseOptions().Validate(); err != nil && (l.kafka == nil || l.kafka.Mode != modeKeys) {
		return fail("format", err)
	}
	least := minRefresh
	if l.http != nil {
		least = minHTTPRefresh
	}
	switch {
	case l.Refresh < least:
		return fail("refresh", fmt.Errorf("refresh %s: at least %s expected", l.Refresh, least))
	case l.TTL < 0 || l.TTL > 0 && l.TTL < l.Refresh && l.kafka == nil:
		return fail("ttl", fmt.Errorf("ttl %s: longer than refresh (%s) expected", l.TTL, l.Refresh))
	case l.MaxEntries < 0:
		return fail("max_entries", fmt.Errorf("max_entries: %d is negative", l.MaxEntries))
	case l.IgnoreCase && l.Kind != set.String:
		return fail("ignore_case", errors.New("ignore_case goes with kind: string; the other kinds ignore it anyway"))
	case l.Subdomains != nil && l.Kind != set.Domain:
		return fail("subdomains", errors.New("subdomains goes with kind: domain"))
	}
	return nil
}

func (l *ListConfig) parseOptions() parse.Options {
	delimiter, _ := utf8.DecodeRuneInString(l.Delimiter)
	if l.Delimiter == "" {
		delimiter = 0
	}
	return parse.Options{Format: l.Format, Column: l.Column, Expires: l.Expires, Delimiter: delimiter, Path: l.Path, Kind: l.Kind}
}

func (l *ListConfig) setOptions(now time.Time) set.Options {
	return set.Options{
		Kind: l.Kind, IgnoreCase: l.IgnoreCase, Exact: l.Subdomains != nil && !*l.Subdomains, Most: l.MaxEntries, Now: now,
	}
}
