package sqs

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/source/s3/object"
	"github.com/riposte-security/riposte/producers/unpack"
)

// message hands every record of a message to add. An error that is not add's means: try again.
func (w *worker) message(ctx context.Context, m types.Message, add func(producers.Record) error) error {
	body := aws.ToString(m.Body)
	objects, notification := named(body)
	if !notification {
		return w.records(ctx, m, body, add)
	}
	for _, o := range objects {
		if err := w.readObject(ctx, m, o, add); err != nil {
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

// readObject reads the records of an object. If there is no such object, or it could not be read too often, the message becomes a dead letter.
func (w *worker) readObject(ctx context.Context, m types.Message, o object.Object, add func(producers.Record) error) error {
	for _, part := range w.Ignore {
		if strings.Contains(o.Key, part) {
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

func (w *worker) fetch(ctx context.Context, o object.Object, add func(producers.Record) error) error {
	client, err := w.clients.Objects(ctx, o.Region)
	if err != nil {
		return err
	}
	return object.Read(ctx, client, o, w.options(), add)
}

// named returns the objects that a message names, and whether it is a notification at all: one that names none needs nothing done.
func named(body string) (objects []object.Object, notification bool) {
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
		return []object.Object{{
			Bucket: d.Get("bucket.name").String(), Key: d.Get("object.key").String(),
			Version: d.Get("object.version-id").String(), Region: doc.Get("region").String(),
		}}, true
	case doc.Get("s3Bucket").Type == gjson.String && doc.Get("s3ObjectKey").Exists():
		for _, key := range doc.Get("s3ObjectKey").Array() { // Array of a string is the string
			objects = append(objects, object.Object{Bucket: doc.Get("s3Bucket").String(), Key: key.String()})
		}
		return objects, true
	}
	return nil, false
}

// fromS3 reads the records of a notification of S3. Those of anything but the creation of an object leave nothing to read.
func fromS3(records []gjson.Result) (objects []object.Object) {
	for _, r := range records {
		if !strings.HasPrefix(r.Get("eventName").String(), "ObjectCreated:") {
			continue
		}
		key := r.Get("s3.object.key").String()
		if plain, err := url.QueryUnescape(key); err == nil {
			key = plain
		}
		objects = append(objects, object.Object{
			Bucket: r.Get("s3.bucket.name").String(), Key: key, Version: r.Get("s3.object.versionId").String(), Region: r.Get("awsRegion").String(),
		})
	}
	return objects
}
