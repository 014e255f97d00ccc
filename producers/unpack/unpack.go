// Package unpack turns a stream of bytes into records: it undoes compression, opens the containers in which logs are delivered, and splits
// what is in them, recognising everything by content. It streams: its memory is bounded by the largest record that it may hand over, not
// by the size of the stream.
//
// Recognised are gzip (of several members) and zstd; JSON objects one after another, a line each or over several lines; JSON arrays; the
// containers {"Records": […]}, {"records": […]} of Azure, {"configurationItems": […]}, and a CloudWatch Logs subscription with its logEvents, as it is or as
// {"awslogs": {"data": …}}; the answers of AWS's APIs that list findings or, of LookupEvents, CloudTrail records; SNS notifications, whose message is opened in turn; EventBridge events; Parquet, a row of which becomes a
// line or a JSON object; and lines of text, with a header line as VPC flow logs have it. Entries of several lines, as syslog, journalctl (in all
// its outputs), auditd and ausearch have them, are one record each.
package unpack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
)

// Options bound what is read. The zero value stands for the defaults.
type Options struct {
	// MaxRecord is the largest record in bytes; what is larger becomes a problem. Default 1 MiB, which is also the largest message.
	MaxRecord int
	// MaxDepth is how deep JSON may be nested. Default 100.
	MaxDepth int
	// MaxTotal is the largest stream in bytes after decompression; 0 for any size. Whatever it is, a stream that decompresses to more than
	// 64 MiB and more than 250 times its size is refused.
	MaxTotal int64
	// KeepEnvelope passes EventBridge events on whole. Otherwise the record is the event's detail, and account, region, id, time, source,
	// detail-type and resources are in the record's attributes, and so is all of the event but its detail.
	KeepEnvelope bool
}

// Attributes that only containers give.
const (
	AttrDetailType = "detail-type" // EventBridge: what kind of thing the detail is
	AttrResources  = "resources"   // EventBridge: a JSON array of ARNs
	AttrEnvelope   = "envelope"    // EventBridge: the whole event as JSON, without its detail
	AttrLogGroup   = "log-group"   // CloudWatch Logs
	AttrLogStream  = "log-stream"  // CloudWatch Logs
)

// An Item is one record, or a problem in the place of one.
type Item struct {
	// Record has its own Data. Position is the byte offset of the record in the decompressed stream, followed by a slash and the position
	// inside for what was nested in a message. Its Attrs may be shared with other records: they are not to be changed.
	Record producers.Record
	// Number counts records and problems of the stream from 1.
	Number int
	// Err is nil, or why this is no record: permanent, and also in the record's attributes, so that the record can be emitted as it is and
	// becomes a dead letter.
	Err error
	// Resume is an offset of the decompressed stream from which a later reading finds all records after this one. It finds this one again
	// if both are in the same container.
	Resume int64
}

// The problems that a caller may want to tell apart with errors.Is.
const (
	ErrOversized = reason("larger than the largest record")
	ErrTooLarge  = reason("larger than allowed after decompression")
	ErrTooDeep   = reason("nested too deeply")
)

type reason string

func (r reason) Error() string { return string(r) }

// ErrIdle is what a reader over something that grows returns, with no bytes, when there was nothing to read for a while. Unpack then yields
// what it holds back (an audit event that might get more lines), and reads on.
const ErrIdle = reason("nothing to read at the moment")

const maxLevels = 5 // of messages in messages

// Unpack reads r to its end and calls yield for every record and every problem, in order. Records are made from base: its Origin, Received
// and Attrs, and its Position if that is a number, to which offsets are added.
//
// It returns nil at the end of the stream, the error of yield, the error of ctx, or that of r where r fails. Content that cannot be read is
// not an error of Unpack but an Item with one; reading goes on behind it wherever there is a way to.
func Unpack(ctx context.Context, r io.Reader, base producers.Record, opts Options, yield func(Item) error) error {
	if opts.MaxRecord <= 0 {
		opts.MaxRecord = 1 << 20
	}
	if opts.MaxDepth <= 0 {
		opts.MaxDepth = 100
	}
	start, err := strconv.ParseInt(base.Position, 10, 64)
	if err != nil {
		start = 0
	}
	var refused error // of yield: whatever is in it, it is not about r
	serials := NewSerials(opts.MaxRecord, start, func(it Item) error {
		if refused == nil {
			refused = yield(it)
		}
		return refused
	})
	u := &unpacker{
		opts: opts, base: base, shift: start, attrs: base.Attrs, idle: serials.Flush,
		emit: func(rec producers.Record, resume int64, err error) error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return serials.Add(Item{Record: rec, Err: err, Resume: resume})
		},
	}
	err = u.stream(r)
	switch {
	case refused != nil:
		return refused
	case err != nil:
		return err
	}
	return serials.Flush()
}

// An unpacker reads one stream.
type unpacker struct {
	opts  Options
	base  producers.Record
	shift int64             // added to offsets
	at    string            // position of the message that this stream was nested in, with a slash; else ""
	attrs map[string]string // of the records to come
	emit  func(rec producers.Record, resume int64, err error) error
	level int
	idle  func() error // called when there is nothing to read for a while

	in      *input
	lines   bool // JSON comes a document a line: one that does not end with its line is broken
	rescans int

	logEvents bool // the elements of this container are CloudWatch log events
}

// stream reads everything.
func (u *unpacker) stream(r io.Reader) error {
	plain := Decompress(r, u.opts.MaxTotal)
	defer plain.Close()
	u.in = newInput(plain)
	u.in.idle = u.idle
	err := u.values()
	var bad corrupt
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case errors.As(err, &bad):
		return u.problem(u.in.off, u.in.off, nil, bad.err)
	}
	return err
}

// values reads documents and lines until the stream ends.
func (u *unpacker) values() error {
	if err := u.in.skipBOM(); err != nil {
		return err
	}
	if is, err := u.parquetAhead(); is {
		return u.parquet()
	} else if err != nil {
		return err
	}
	for {
		c, err := u.in.skipSpace()
		if err != nil {
			return err
		}
		switch {
		case c == '{' && u.lines && u.in.lineAhead() != nil:
			err = u.jsonLine(u.in.lineAhead())
		case c == '{', c == '[' && u.in.arrayAhead():
			err = u.document()
		case c == '_' && u.in.startsWith("__CURSOR="):
			err = u.export()
		default:
			err = u.line()
		}
		if err != nil {
			return err
		}
	}
}

// record hands over what lies at offset at.
func (u *unpacker) record(at, resume int64, data []byte) error {
	rec := u.base
	rec.Data, rec.Attrs = data, u.attrs
	rec.Position = u.at + strconv.FormatInt(at+u.shift, 10)
	return u.open(rec, resume+u.shift)
}

// problem hands over what should have been a record. got may be nil.
func (u *unpacker) problem(at, resume int64, got *capture, reason error) error {
	rec := u.base
	rec.Position = u.at + strconv.FormatInt(at+u.shift, 10)
	rec.Attrs = with(u.attrs, producers.AttrProblem, reason.Error())
	if got != nil {
		rec.Data = got.bytes()
		if got.truncated() {
			rec.Attrs[producers.AttrLength] = strconv.FormatInt(got.length, 10)
			rec.Attrs[producers.AttrSHA256] = got.sum()
		}
	}
	return u.emit(rec, resume+u.shift, fault.Permanent(fmt.Errorf("at byte %s: %w", rec.Position, reason)))
}

// last hands over what the stream broke off in, and says that this was its end.
func (u *unpacker) last(at, resume int64, got *capture, reason error) error {
	// Whoever was still writing it may write the rest: then it is read from its beginning.
	if err := u.problem(at, resume, got, fmt.Errorf("cut short: %w", reason)); err != nil {
		return err
	}
	return io.EOF
}

// with returns a copy of attrs with more entries, given as key, value, key, value; empty values are left out.
func with(attrs map[string]string, more ...string) map[string]string {
	m := make(map[string]string, len(attrs)+len(more)/2)
	maps.Copy(m, attrs)
	for i := 0; i+1 < len(more); i += 2 {
		if more[i+1] != "" {
			m[more[i]] = more[i+1]
		}
	}
	return m
}
