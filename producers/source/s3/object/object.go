// Package object reads the records of one object in S3: for the sources that learn of objects in different ways.
package object

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/unpack"
)

// An Object is where an object lies. Version and Region may be empty.
type Object struct{ Bucket, Key, Version, Region string }

func (o Object) String() string { return "s3://" + o.Bucket + "/" + o.Key }

// A Getter is the part of the S3 client that reading needs.
type Getter interface {
	GetObject(ctx context.Context, in *s3.GetObjectInput, opts ...func(*s3.Options)) (*s3.GetObjectOutput, error)
}

// Read hands every record of o to add, streaming, with what cannot be read as problems. Origin is bucket, key and ETag, Position the byte
// offset, Received the time of the object's last change; account and region come from the key. The error is that of S3, of add or of ctx.
func Read(ctx context.Context, client Getter, o Object, opts unpack.Options, add func(producers.Record) error) error {
	in := &s3.GetObjectInput{Bucket: &o.Bucket, Key: &o.Key}
	if o.Version != "" {
		in.VersionId = &o.Version
	}
	out, err := client.GetObject(ctx, in)
	if err != nil {
		return err
	}
	base := producers.Record{
		Origin:   strings.Join([]string{"s3", o.Bucket, o.Key, strings.Trim(aws.ToString(out.ETag), `"`)}, ":"),
		Received: aws.ToTime(out.LastModified).UTC(), Attrs: keyAttrs(o.Key),
	}
	base.Attrs[producers.AttrFile] = o.String()
	if base.Attrs[producers.AttrRegion] == "" && o.Region != "" {
		base.Attrs[producers.AttrRegion] = o.Region
	}
	err = unpack.Unpack(ctx, out.Body, base, opts, func(it unpack.Item) error { return add(it.Record) })
	return errors.Join(err, out.Body.Close())
}

// Ignored are the defaults for what is not read: objects whose keys contain one of these hold no records.
func Ignored() []string { return []string{"/CloudTrail-Digest/", "ConfigWritabilityCheckFile"} }

// keyAttrs reads account and region from an object key, as CloudTrail, VPC flow logs and Config lay it out:
// …/AWSLogs/[o-organization/]account/service/region/…, or with Hive names …/aws-account-id=…/aws-service=…/aws-region=…/…, and as Security
// Lake does: …/region=…/accountId=…/….
func keyAttrs(key string) map[string]string {
	attrs := map[string]string{}
	parts := strings.Split(key, "/")
	for i, p := range parts {
		if account, ok := strings.CutPrefix(p, "accountId="); ok && i > 0 && cloud.IsAccount(account) {
			attrs[producers.AttrAccount] = account
			if region, ok := strings.CutPrefix(parts[i-1], "region="); ok && isRegion(region) {
				attrs[producers.AttrRegion] = region
			}
			return attrs
		}
		if p != "AWSLogs" {
			continue
		}
		rest := parts[i+1:]
		if len(rest) > 0 && strings.HasPrefix(rest[0], "o-") {
			rest = rest[1:]
		}
		if len(rest) < 3 {
			return attrs
		}
		account, region := strings.TrimPrefix(rest[0], "aws-account-id="), strings.TrimPrefix(rest[2], "aws-region=")
		if cloud.IsAccount(account) {
			attrs[producers.AttrAccount] = account
			if isRegion(region) {
				attrs[producers.AttrRegion] = region
			}
		}
		return attrs
	}
	return attrs
}

// isRegion tells a region from what else some services have in its place, such as a date.
func isRegion(s string) bool {
	if strings.Count(s, "-") < 2 {
		return false
	}
	_, err := strconv.Atoi(strings.ReplaceAll(s, "-", ""))
	return err != nil
}
