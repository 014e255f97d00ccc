package archive

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/riposte-security/riposte/internal/cloud"
)

// putWithin is how long one upload may take.
const putWithin = 5 * time.Minute

// s3Store keeps files in a bucket.
type s3Store struct {
	clients        *cloud.Clients
	region         string
	bucket, prefix string // the prefix with a slash at its end, or empty
	lock           LockConfig
	now            func() time.Time
}

// S3Store keeps an archive in S3, at s3://bucket/prefix, in a region ("": the default one). What it writes is under Object Lock if lock asks for
// it. It needs a server that knows conditional writes, as S3 does.
func S3Store(clients *cloud.Clients, where, region string, lock LockConfig) (Store, error) {
	bucket, prefix, err := parseS3(where)
	if err != nil {
		return nil, err
	}
	if prefix != "" {
		prefix += "/"
	}
	return &s3Store{clients: clients, region: region, bucket: bucket, prefix: prefix, lock: lock, now: time.Now}, nil
}

// String implements Store.
func (s *s3Store) String() string {
	return strings.TrimSuffix("s3://"+s.bucket+"/"+s.prefix, "/")
}

// Create implements Store: S3 refuses the write if there is an object of that name.
func (s *s3Store) Create(ctx context.Context, name string, content io.ReadSeeker, size int64, sum Hash) error {
	ctx, cancel := context.WithTimeout(ctx, putWithin)
	defer cancel()
	client, err := s.clients.S3(ctx, "", s.region)
	if err != nil {
		return err
	}
	in := &s3.PutObjectInput{
		Bucket: &s.bucket, Key: aws.String(s.prefix + name), Body: content, ContentLength: &size, IfNoneMatch: aws.String("*"),
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256, ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(sum[:])),
	}
	if s.lock.Mode != "" {
		in.ObjectLockMode = types.ObjectLockMode(strings.ToUpper(s.lock.Mode))
		in.ObjectLockRetainUntilDate = aws.Time(s.now().Add(s.lock.For).UTC())
	}
	_, err = client.PutObject(ctx, in)
	if cloud.Code(err) == "PreconditionFailed" {
		return fmt.Errorf("%s/%s: %w", s, name, fs.ErrExist)
	}
	if err != nil {
		return fmt.Errorf("%s/%s: %w", s, name, cloud.Classify(err))
	}
	return nil
}

// Open implements Store.
func (s *s3Store) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	client, err := s.clients.S3(ctx, "", s.region)
	if err != nil {
		return nil, err
	}
	out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: aws.String(s.prefix + name)})
	if cloud.Code(err) == "NoSuchKey" {
		return nil, notFound(name)
	}
	if err != nil {
		return nil, fmt.Errorf("%s/%s: %w", s, name, cloud.Classify(err))
	}
	return out.Body, nil
}

// List implements Store.
func (s *s3Store) List(ctx context.Context, prefix, after string, fn func(name string, size int64) error) error {
	client, err := s.clients.S3(ctx, "", s.region)
	if err != nil {
		return err
	}
	in := &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: aws.String(s.prefix + prefix)}
	if after != "" {
		in.StartAfter = aws.String(s.prefix + after)
	}
	for pages := s3.NewListObjectsV2Paginator(client, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", s, cloud.Classify(err))
		}
		for _, o := range page.Contents {
			err := fn(strings.TrimPrefix(aws.ToString(o.Key), s.prefix), aws.ToInt64(o.Size))
			if errors.Is(err, errStop) {
				return nil
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}
