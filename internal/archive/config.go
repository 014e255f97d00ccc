package archive

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Config is the section `archive`.
type Config struct {
	// To is where the archive is: a folder, or s3://bucket/prefix.
	To string `yaml:"to"`
	// Region is that of the bucket and of the key in KMS; the default one if empty.
	Region string `yaml:"region"`
	// Key is what segments are signed with.
	Key KeyConfig `yaml:"key"`
	// Group is the consumer group; "<prefix>.archive" if empty.
	Group string `yaml:"group"`
	// Segment says when a segment is complete.
	Segment SegmentConfig `yaml:"segment"`
	// Parquet is about the files for queries.
	Parquet ParquetConfig `yaml:"parquet"`
	// Lock is S3 Object Lock: how long nobody may remove what was written.
	Lock LockConfig `yaml:"lock"`
}

// KeyConfig names the key: a file or a key in AWS KMS.
type KeyConfig struct {
	// File is an Ed25519 private key, PKCS#8 in PEM.
	File string `yaml:"file"`
	// KMS is the id, alias or ARN of a key of the spec ECC_NIST_EDWARDS25519 for signing.
	KMS string `yaml:"kms"`
	// Trusted are files with public keys of earlier writers, whose segments are believed as well.
	Trusted []string `yaml:"trusted"`
}

// SegmentConfig says when a segment is complete: when it has so many bytes, or so many records, or is so old.
type SegmentConfig struct {
	Bytes   int64         `yaml:"bytes"`   // of lines, before compression; 64 MiB if zero
	Records int64         `yaml:"records"` // 200,000 if zero
	Age     time.Duration `yaml:"age"`     // 5 min if zero, 30 s in `riposte up`
}

// ParquetConfig says which files for queries are made of segments.
type ParquetConfig struct {
	Off bool `yaml:"off"` // none
	// Source begins the names of the sources in Security Lake, one a class of events; "riposte" if empty: riposte_api_activity.
	Source string `yaml:"source"`
}

// LockConfig asks for Object Lock. The bucket must have it enabled.
type LockConfig struct {
	Mode string        `yaml:"mode"` // compliance or governance
	For  time.Duration `yaml:"for"`
}

// The bounds of segments.
const (
	defaultBytes   = 64 << 20
	defaultRecords = 200_000
	defaultAge     = 5 * time.Minute
	minAge         = time.Second
	maxBytes       = 1 << 30
	maxRecords     = 2_000_000
)

// sourceForm is the form of a source in Security Lake, which becomes the name of a table.
const sourceForm = `^[a-z][a-z0-9_]{0,31}$`

// kmsKey is the form of what names a key in KMS.
const kmsKey = `^(arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key|alias)/[A-Za-z0-9/_-]{1,256}|alias/[A-Za-z0-9/_-]{1,250}|[A-Za-z0-9-]{1,128})$`

// Validate checks the settings, without I/O.
func (c Config) Validate() error {
	var errs []error
	switch {
	case c.To == "":
		errs = append(errs, errors.New("to: a folder or s3://bucket/prefix expected"))
	case InS3(c.To):
		if _, _, err := parseS3(c.To); err != nil {
			errs = append(errs, fmt.Errorf("to: %w", err))
		}
	case strings.Contains(c.To, "://"):
		errs = append(errs, fmt.Errorf("to: %q: a folder or s3://bucket/prefix expected", c.To))
	}
	if (c.Key.File == "") == (c.Key.KMS == "") {
		errs = append(errs, errors.New("key: either file or kms expected"))
	}
	if c.Key.KMS != "" && !regexp.MustCompile(kmsKey).MatchString(c.Key.KMS) {
		errs = append(errs, fmt.Errorf("key.kms: %q: the id, alias or ARN of a key expected", c.Key.KMS))
	}
	if c.Region != "" && strings.Trim(c.Region, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		errs = append(errs, fmt.Errorf("region: %q is none", c.Region))
	}
	if s := c.Parquet.Source; s != "" && !regexp.MustCompile(sourceForm).MatchString(s) {
		errs = append(errs, fmt.Errorf("parquet.source: %q: lower-case letters, digits and underscores expected", s))
	}
	return errors.Join(append(errs, c.Segment.validate(), c.Lock.validate(c.To))...)
}

func (s SegmentConfig) validate() error {
	switch {
	case s.Bytes < 0 || s.Bytes > maxBytes:
		return fmt.Errorf("segment.bytes: %d: at most %d expected", s.Bytes, maxBytes)
	case s.Records < 0 || s.Records > maxRecords:
		return fmt.Errorf("segment.records: %d: at most %d expected", s.Records, maxRecords)
	case s.Age != 0 && s.Age < minAge:
		return fmt.Errorf("segment.age: %v: at least %v expected", s.Age, minAge)
	}
	return nil
}

func (l LockConfig) validate(to string) error {
	switch {
	case l.Mode == "" && l.For == 0:
		return nil
	case l.Mode != "compliance" && l.Mode != "governance":
		return fmt.Errorf("lock.mode: %q: compliance or governance expected", l.Mode)
	case l.For <= 0:
		return errors.New("lock.for: how long expected, such as 8760h")
	case !InS3(to):
		return errors.New("lock: only S3 has it")
	}
	return nil
}

// withDefaults fills what is not set. prefix is that of the topics.
func (c Config) withDefaults(prefix string) Config {
	c.Group = cmp.Or(c.Group, prefix+".archive")
	c.Region = cmp.Or(c.Region, "unknown")
	c.Parquet.Source = cmp.Or(c.Parquet.Source, "riposte")
	c.Segment.Bytes = cmp.Or(c.Segment.Bytes, defaultBytes)
	c.Segment.Records = cmp.Or(c.Segment.Records, defaultRecords)
	c.Segment.Age = cmp.Or(c.Segment.Age, defaultAge)
	return c
}

// parseS3 splits s3://bucket/prefix.
func parseS3(where string) (bucket, prefix string, err error) {
	bucket, prefix, _ = strings.Cut(strings.TrimPrefix(where, "s3://"), "/")
	prefix = strings.Trim(prefix, "/")
	if len(bucket) < 3 || (prefix != "" && !validName(prefix)) || filepath.Base(bucket) != bucket {
		return "", "", fmt.Errorf("%q: s3://bucket/prefix expected", where)
	}
	return bucket, prefix, nil
}
