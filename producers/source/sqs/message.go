package sqs

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/unpack"
)

// An object is one that a message names.
type object struct{ bucket, key, version, region string }

func (o object) String() string { return "s3://" + o.bucket + "/" + o.key }

// message hands every record of a message to add. An error that is not add's means: try again.
func (w *worker) message(ctx context.Context, m types.Message, add func(producers.Record) error) error {
	body := aws.ToString(m.Body)
	objects, notification := named(body)
	if !notification {
		return w.records(ctx, m, body, add)
	}
	for _, o := range objects {
		if err := w.object(ctx, m, o, add); err != nil {
			return err
		}
	}
	return nil
}

// records reads the records that a message holds itself.
func (w *worker) records(ctx context.Context, m types.Message, body string, add func(producers.Record) error) error {
	id := aws.ToString(m.MessageId)
	base := producers.Record{Origin: "sqs:" + w.QueueURL, Received: sent(m), Attrs: map[string]string{producers.AttrFile: "sqs:" + w.name + "/" + id}}
	return unpack.Unpack(ctx, strings.NewReader(body), base, w.options(), func(it unpack.Item) error {
		it.Record.Position = id + "/" + it.Record.Position
		return add(it.Record)
	})
}

func (w *worker) options() unpack.Options { return unpack.Options{MaxRecord: w.MaxRecord} }

// object reads the records of an object. If there is no such object, or it could not be read too often, the message becomes a dead letter.
func (w *worker) object(ctx context.Context, m types.Message, o object, add func(producers.Record) error) error {
	for _, part := range w.Ignore {
		if strings.Contains(o.key, part) {
			w.log.Debug().Stringer("object", o).Msg("not read: it holds no records")
			return nil
		}
	}
	var adding error
	err := w.fetch(ctx, o, func(r producers.Record) error {
		adding = add(r)
		return adding
	})
	switch {
	case err == nil:
		w.objects.OK()
		return nil
	case adding != nil, ctx.Err() != nil:
		return err
	case cloud.Missing(err):
		err = fmt.Errorf("%s: there is no such object: %w", o, err)
	case received(m) >= w.MaxReceives:
		err = fmt.Errorf("%s: could not be read, after %d receipts: %w", o, received(m), err)
	default:
		return fmt.Errorf("%s: %w", o, err)
	}
	return add(producers.Record{
		Data: []byte(aws.ToString(m.Body)), Origin: "sqs:" + w.QueueURL, Position: aws.ToString(m.MessageId), Received: sent(m),
		Attrs: map[string]string{producers.AttrProblem: err.Error(), producers.AttrFile: o.String()},
	})
}

func (w *worker) fetch(ctx context.Context, o object, add func(producers.Record) error) error {
	client, err := w.clients.Objects(ctx, o.region)
	if err != nil {
		return err
	}
	in := &s3.GetObjectInput{Bucket: &o.bucket, Key: &o.key}
	if o.version != "" {
		in.VersionId = &o.version
	}
	out, err := client.GetObject(ctx, in)
	if err != nil {
		return err
	}
	base := producers.Record{
		Origin:   strings.Join([]string{"s3", o.bucket, o.key, strings.Trim(aws.ToString(out.ETag), `"`)}, ":"),
		Received: aws.ToTime(out.LastModified).UTC(), Attrs: keyAttrs(o.key),
	}
	base.Attrs[producers.AttrFile] = o.String()
	if base.Attrs[producers.AttrRegion] == "" && o.region != "" {
		base.Attrs[producers.AttrRegion] = o.region
	}
	err = unpack.Unpack(ctx, out.Body, base, w.options(), func(it unpack.Item) error { return add(it.Record) })
	return errors.Join(err, out.Body.Close())
}

// named returns the objects that a message names, and whether it is a notification at all: one that names none needs nothing done.
func named(body string) (objects []object, notification bool) {
	if !gjson.Valid(body) {
		return nil, false
	}
	doc := gjson.Parse(body)
	if inner := doc.Get("Message"); doc.Get("Type").String() == "Notification" && inner.Type == gjson.String {
		if !gjson.Valid(inner.String()) {
			return nil, false
		}
		doc = gjson.Parse(inner.String())
	}
	switch {
	case !doc.IsObject():
		return nil, false
	case doc.Get("Event").String() == "s3:TestEvent":
		return nil, true
	case doc.Get("Records.0.eventSource").String() == "aws:s3" && doc.Get("Records.0.s3").IsObject():
		return fromS3(doc.Get("Records").Array()), true
	case doc.Get("source").String() == "aws.s3" && doc.Get("detail-type").String() == "Object Created":
		d := doc.Get("detail") // here the key is not URL-encoded
		return []object{{
			bucket: d.Get("bucket.name").String(), key: d.Get("object.key").String(),
			version: d.Get("object.version-id").String(), region: doc.Get("region").String(),
		}}, true
	case doc.Get("s3Bucket").Type == gjson.String && doc.Get("s3ObjectKey").Exists():
		for _, key := range doc.Get("s3ObjectKey").Array() { // Array of a string is the string
			objects = append(objects, object{bucket: doc.Get("s3Bucket").String(), key: key.String()})
		}
		return objects, true
	}
	return nil, false
}

// fromS3 reads the records of a notification of S3. Those of anything but the creation of an object leave nothing to read.
func fromS3(records []gjson.Result) (objects []object) {
	for _, r := range records {
		if !strings.HasPrefix(r.Get("eventName").String(), "ObjectCreated:") {
			continue
		}
		key := r.Get("s3.object.key").String()
		if plain, err := url.QueryUnescape(key); err == nil {
			key = plain
		}
		objects = append(objects, object{
			bucket: r.Get("s3.bucket.name").String(), key: key, version: r.Get("s3.object.versionId").String(), region: r.Get("awsRegion").String(),
		})
	}
	return objects
}

// keyAttrs reads account and region from an object key, as CloudTrail, VPC flow logs and Config lay it out:
// …/AWSLogs/[o-organization/]account/service/region/…, or with Hive names …/aws-account-id=…/aws-service=…/aws-region=…/….
func keyAttrs(key string) map[string]string {
	attrs := map[string]string{}
	parts := strings.Split(key, "/")
	for i, p := range parts {
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
			if strings.Count(region, "-") >= 2 { // some services have a date there
				if _, err := strconv.Atoi(strings.ReplaceAll(region, "-", "")); err != nil {
					attrs[producers.AttrRegion] = region
				}
			}
		}
		return attrs
	}
	return attrs
}
