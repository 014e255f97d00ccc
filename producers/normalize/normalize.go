// Package normalize reads files of records and turns them into events without Kafka: for `riposte normalize` and the rule commands.
package normalize

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/unpack"
	"github.com/riposte-security/riposte/schemas"
)

// A VisitFunc gets every event, and every record that gave none: then err says why, is permanent, and ev is empty. number is the position of
// the record in its file, from 1; a record may give several events or none. An error that it returns ends the reading.
type VisitFunc func(number int, ev schemas.Event, err error) error

// Run reads records from r, in whatever container and compression they come, and calls visit for each event in order. name is the file's, for
// formats and messages; modTime stands for the time of receipt, so that the same file always gives the same events. Bad records do not end
// the reading. The error is that of r, visit or ctx.
func Run(ctx context.Context, r io.Reader, name string, modTime time.Time, format producers.Format, visit VisitFunc) error {
	return Records(ctx, r, name, modTime, func(number int, rec producers.Record, err error) error {
		if err != nil {
			return visit(number, schemas.Event{}, err)
		}
		events, err := producers.ParseRecord(format, rec)
		if err != nil {
			return visit(number, schemas.Event{}, err)
		}
		for _, e := range events {
			if err := visit(number, e, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// Records reads records as Run does, and hands them over as they are.
func Records(ctx context.Context, r io.Reader, name string, modTime time.Time, visit func(number int, rec producers.Record, err error) error) error {
	plain := unpack.Decompress(r, 0)
	defer plain.Close()
	head, rest := unpack.Peek(plain, unpack.FingerprintBytes)
	base := producers.Record{
		Origin: unpack.FileOrigin(head), Received: modTime,
		Attrs: map[string]string{producers.AttrFile: name},
	}
	err := unpack.Unpack(ctx, rest, base, unpack.Options{}, func(it unpack.Item) error {
		return visit(it.Number, it.Record, it.Err)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
