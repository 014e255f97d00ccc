package rule

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/schemas/ocsf"
)

// Limits of a rule set.
const (
	maxFile  = 1 << 20
	maxFiles = 20_000
)

// Load reads the rules in files and, recursively, in folders (*.yaml, *.yml; names that begin with a dot are passed over). A set that has any
// problem is refused as a whole: the error is then of type Problems and lists them all.
func Load(o Options, paths ...string) ([]*Rule, error) {
	l, err := newLoader(o)
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		files, err := filesIn(path)
		if err != nil {
			l.problems = append(l.problems, Problem{File: path, Message: reason(err)})
			continue
		}
		l.readAll(files)
	}
	return l.done()
}

// Parse reads the rules in text; file is for messages.
func Parse(o Options, file string, text []byte) ([]*Rule, error) {
	l, err := newLoader(o)
	if err != nil {
		return nil, err
	}
	l.take(l.parse(file, string(text)))
	return l.done()
}

// NewLanguage builds the language of predicates over all that OCSF names.
func NewLanguage() (*predicate.Language, error) {
	s, err := ocsf.Load()
	if err != nil {
		return nil, fmt.Errorf("predicates: %w", err)
	}
	return predicate.NewLanguage(predicate.NewTypes(s)), nil
}

// filesIn lists the rule files that a path stands for, sorted.
func filesIn(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var files []string
	// The separator makes WalkDir follow the path itself where it is a symbolic link.
	err = filepath.WalkDir(path+string(filepath.Separator), func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if hidden := strings.HasPrefix(d.Name(), ".") && filepath.Clean(p) != filepath.Clean(path); hidden {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if ext := filepath.Ext(p); !d.IsDir() && (ext == ".yaml" || ext == ".yml") {
			files = append(files, filepath.Clean(p))
		}
		if len(files) > maxFiles {
			return fmt.Errorf("more than %d rule files", maxFiles)
		}
		return nil
	})
	if err == nil && len(files) == 0 {
		return nil, errors.New("no rule files (*.yaml, *.yml) in this folder")
	}
	slices.Sort(files)
	return files, err
}

// reason is the message of an error without the path, which stands before it anyway.
func reason(err error) string {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err.Error()
	}
	return err.Error()
}

// A loader collects rules and problems.
type loader struct {
	Options
	rules    []*Rule
	jobs     []*linkJob
	problems Problems
}

func newLoader(o Options) (*loader, error) {
	if o.Language == nil {
		l, err := NewLanguage()
		if err != nil {
			return nil, err
		}
		o.Language = l
	}
	if o.Sources == nil {
		o.Sources = NewGiven(o.Lists)
	}
	o.Language = o.Language.With(o.Sources)
	return &loader{Options: o}, nil
}

// readAll reads files, as many at a time as there are processors: most of what loading takes is reading YAML. What they give is taken in the
// order of the files.
func (l *loader) readAll(files []string) {
	parts := make([]loaded, len(files))
	var next atomic.Int64
	var readers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(files)) {
		readers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(files)); i = next.Add(1) - 1 {
				parts[i] = l.read(files[i])
			}
		})
	}
	readers.Wait()
	for _, p := range parts {
		l.take(p)
	}
}

// loaded is what one file gives.
type loaded struct {
	rules    []*Rule
	jobs     []*linkJob
	problems Problems
}

func (l *loader) take(p loaded) {
	l.rules = append(l.rules, p.rules...)
	l.jobs = append(l.jobs, p.jobs...)
	l.problems = append(l.problems, p.problems...)
}

// read reads one file, at most maxFile of it.
func (l *loader) read(file string) loaded {
	text, err := readFile(file)
	if err != nil {
		return loaded{problems: Problems{{File: file, Message: reason(err)}}}
	}
	return l.parse(file, string(text))
}

func readFile(file string) (text []byte, err error) {
	f, err := os.Open(file) //nolint:gosec // reading the files it is told to is what it is for
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var b bytes.Buffer
	if info, err := f.Stat(); err == nil && info.Size() < maxFile {
		b.Grow(int(info.Size()) + bytes.MinRead)
	}
	_, err = b.ReadFrom(io.LimitReader(f, maxFile+1))
	if b.Len() > maxFile {
		return nil, fmt.Errorf("larger than %d bytes", maxFile)
	}
	return b.Bytes(), err
}

// parse reads the rules of one text. It changes nothing of l.
func (l *loader) parse(file, text string) loaded {
	var p loaded
	s := &source{file: file}
	for _, body := range s.documents(text) {
		d := decoder{source: s, opts: &l.Options}
		if r := d.rule(body); r != nil {
			p.rules = append(p.rules, r)
			p.jobs = append(p.jobs, d.jobs...)
		}
	}
	p.problems = s.problems
	return p
}

// done refuses ids that occur twice, joins correlations with the rules that they name, and returns the rules or all problems.
func (l *loader) done() ([]*Rule, error) {
	first := map[string]*Rule{}
	for _, r := range l.rules {
		if r.ID == "" {
			continue
		}
		if f, ok := first[r.ID]; ok {
			l.problems = append(l.problems, Problem{
				File: r.File, Line: r.Line, Column: 1,
				Message: fmt.Sprintf("the id %q is taken by the rule at %s:%d", r.ID, f.File, f.Line),
			})
			continue
		}
		first[r.ID] = r
	}
	l.link(first)
	if err := l.problems.err(); err != nil {
		return nil, err
	}
	return l.rules, nil
}

// SuggestID is the hint that a message about a misspelt id ends with; empty if no rule's id is near.
func SuggestID(id string, rules []*Rule) string {
	ids := make([]string, len(rules))
	for i, r := range rules {
		ids[i] = r.ID
	}
	return predicate.Suggest(id, ids)
}
