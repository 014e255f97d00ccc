package kinesis

import (
	"bytes"
	"crypto/md5" //nolint:gosec // the format of the Kinesis Producer Library asks for it
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// What the Kinesis Producer Library has put into one record begins with these bytes and ends with the MD5 of what is between: a protobuf
// message whose field 3 is repeated, a record each, with its data in field 3 in turn.
const (
	aggregateMagic = "\xf3\x89\x9a\xc2"
	fieldRecords   = 3
	fieldData      = 3
)

// deaggregate returns the records within data: data itself, if it is no aggregate. The error is about an aggregate that is broken.
func deaggregate(data []byte) (parts [][]byte, aggregate bool, err error) {
	if len(data) < len(aggregateMagic)+md5.Size || !bytes.HasPrefix(data, []byte(aggregateMagic)) {
		return [][]byte{data}, false, nil
	}
	message := data[len(aggregateMagic) : len(data)-md5.Size]
	if sum := md5.Sum(message); !bytes.Equal(sum[:], data[len(data)-md5.Size:]) { //nolint:gosec // as above
		return [][]byte{data}, false, nil // so says the format: then it is something else
	}
	records, err := fields(message, fieldRecords)
	if err != nil {
		return nil, true, fmt.Errorf("aggregate of the Kinesis Producer Library: %w", err)
	}
	for i, r := range records {
		inner, err := fields(r, fieldData)
		if err == nil && len(inner) != 1 {
			err = fmt.Errorf("%d data fields, one expected", len(inner))
		}
		if err != nil {
			return nil, true, fmt.Errorf("aggregate of the Kinesis Producer Library: record %d: %w", i+1, err)
		}
		parts = append(parts, inner[0])
	}
	return parts, true, nil
}

// fields returns the values of a field of bytes in a protobuf message.
func fields(message []byte, number protowire.Number) (values [][]byte, err error) {
	for len(message) > 0 {
		n, kind, size := protowire.ConsumeTag(message)
		if size < 0 {
			return values, protowire.ParseError(size)
		}
		message = message[size:]
		if n == number && kind == protowire.BytesType {
			v, size := protowire.ConsumeBytes(message)
			if size < 0 {
				return values, protowire.ParseError(size)
			}
			values, message = append(values, v), message[size:]
			continue
		}
		if size = protowire.ConsumeFieldValue(n, kind, message); size < 0 {
			return values, protowire.ParseError(size)
		}
		message = message[size:]
	}
	return values, nil
}
