package iac

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

// mostStates is how many state files one pattern may stand for.
const mostStates = 1000

// bucketAPI is what is needed of S3.
type bucketAPI interface {
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
}

// states are Terraform's, each read anew when it has changed.
type states struct {
	sources []string
	s3      func(ctx context.Context) (bucketAPI, error)

	mu    sync.Mutex // held while one is read: who comes next wants the same
	known map[string]known
}

// known is what was read of a state, and the mark by which to tell whether it has changed since.
type known struct {
	mark  string
	found index
}

func newStates(c Config, bucket func(ctx context.Context) (bucketAPI, error)) *states {
	return &states{sources: slices.Clone(c.Terraform), s3: bucket, known: map[string]known{}}
}

// Search implements Searcher.
func (s *states) Search(ctx context.Context, t schemas.Target) ([]Place, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var places []Place
	var errs []error
	for _, source := range s.sources {
		paths, err := expand(source)
		errs = append(errs, err)
		for _, path := range paths {
			found, err := s.read(ctx, path)
			errs = append(errs, err)
			for _, name := range names(t) {
				for _, p := range found[name] {
					if !slices.Contains(places, p) { // by its id and its ARN
						places = append(places, p)
					}
				}
			}
		}
	}
	return places, errors.Join(errs...)
}

// expand returns the files that a source stands for.
func expand(source string) ([]string, error) {
	if strings.HasPrefix(source, "s3://") {
		return []string{source}, nil
	}
	paths, err := filepath.Glob(source)
	switch {
	case err != nil:
		return nil, fmt.Errorf("terraform states %s: %w", source, err)
	case len(paths) == 0:
		return nil, fmt.Errorf("terraform state %s: there is no such file", source)
	case len(paths) > mostStates:
		return paths[:mostStates], fmt.Errorf("terraform states %s: %d files; the first %d are searched", source, len(paths), mostStates)
	}
	return paths, nil
}

// read returns the index of a state, from memory where it has not changed.
func (s *states) read(ctx context.Context, path string) (index, error) {
	read := s.readFile
	if strings.HasPrefix(path, "s3://") {
		read = s.readObject
	}
	k, err := read(ctx, path, s.known[path])
	if err != nil {
		return nil, err
	}
	s.known[path] = k
	return k.found, nil
}

func (s *states) readFile(_ context.Context, path string, was known) (known, error) {
	f, err := os.Open(path) //nolint:gosec // the configuration names it
	if err != nil {
		return known{}, fmt.Errorf("terraform state: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return known{}, fmt.Errorf("terraform state: %w", err)
	}
	mark := fmt.Sprint(info.Size(), info.ModTime().Format(time.RFC3339Nano))
	if mark == was.mark {
		return was, nil
	}
	found, err := readState(f, path)
	return known{mark, found}, err
}

func (s *states) readObject(ctx context.Context, path string, was known) (known, error) {
	api, err := s.s3(ctx)
	if err != nil {
		return known{}, fmt.Errorf("terraform state %s: %w", path, err)
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(path, "s3://"), "/")
	in := &s3.GetObjectInput{Bucket: &bucket, Key: &key}
	if was.mark != "" {
		in.IfNoneMatch = &was.mark
	}
	out, err := api.GetObject(ctx, in)
	if code := cloud.Code(err); code == "NotModified" || code == "304" {
		return was, nil
	}
	if err != nil {
		return known{}, fmt.Errorf("terraform state %s: %w", path, cloud.Classify(err))
	}
	defer out.Body.Close() //nolint:errcheck // only read
	found, err := readState(out.Body, path)
	return known{aws.ToString(out.ETag), found}, err
}
