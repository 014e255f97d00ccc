package sigma

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Limits of an import.
const (
	maxFile  = 1 << 20 // bytes
	maxFiles = 50_000
)

// ReadFiles reads Sigma files and, recursively, the *.yml and *.yaml of folders; names that begin with a dot are passed over. "-" is stdin.
func ReadFiles(stdin io.Reader, paths ...string) ([]File, error) {
	var out []File
	for _, path := range paths {
		if path == "-" {
			text, err := limited(stdin)
			if err != nil {
				return nil, fmt.Errorf("stdin: %w", err)
			}
			out = append(out, File{"-", text})
			continue
		}
		names, err := namesIn(path)
		if err != nil {
			return nil, fmt.Errorf("sigma rules: %w", err)
		}
		for _, name := range names {
			text, err := readFile(name)
			if err != nil {
				return nil, fmt.Errorf("sigma rules: %s: %w", name, err)
			}
			if out = append(out, File{name, text}); len(out) > maxFiles {
				return nil, fmt.Errorf("sigma rules: more than %d files", maxFiles)
			}
		}
	}
	return out, nil
}

func namesIn(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var names []string
	err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		hidden := p != path && strings.HasPrefix(d.Name(), ".")
		switch {
		case err != nil:
			return err
		case hidden && d.IsDir():
			return filepath.SkipDir
		case !hidden && !d.IsDir() && slices.Contains([]string{".yml", ".yaml"}, filepath.Ext(p)):
			names = append(names, p)
		}
		return nil
	})
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("%s: no files *.yml or *.yaml", path)
	}
	return names, err
}

func readFile(name string) (text []byte, err error) {
	f, err := os.Open(name) //nolint:gosec // reading the files it is told to is what it is for
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return limited(f)
}

func limited(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("larger than %d bytes", maxFile)
	}
	return text, err
}

// ReadPlaceholders reads the values of placeholders: a mapping of names to a value, or to a list of them.
func ReadPlaceholders(text []byte) (map[string][]string, error) {
	var m map[string]any
	if err := yaml.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("placeholders: %w", err)
	}
	out := make(map[string][]string, len(m))
	for name, v := range m {
		name = strings.Trim(name, "%")
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		out[name] = []string{}
		for _, e := range list {
			switch e.(type) {
			case map[string]any, []any, nil:
				return nil, fmt.Errorf("placeholders: %s: a text or a list of texts is expected", name)
			}
			out[name] = append(out[name], fmt.Sprint(e))
		}
	}
	return out, nil
}
