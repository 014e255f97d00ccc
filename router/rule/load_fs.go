package rule

import (
	"fmt"
	"io/fs"
)

// LoadFS reads the rules in all *.yaml files at the top of a file system, such as an embedded one. It is strict as Load is.
func LoadFS(o Options, files fs.FS) ([]*Rule, error) {
	l, err := newLoader(o)
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	for _, name := range names { // sorted
		text, err := fs.ReadFile(files, name)
		if err != nil {
			l.problems = append(l.problems, Problem{File: name, Message: reason(err)})
			continue
		}
		l.take(l.parse(name, string(text)))
	}
	return l.done()
}
