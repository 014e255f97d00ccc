package unpack

import (
	"encoding/binary"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// appendValue appends a value that is not null as JSON: numbers and booleans as such, all else as a text.
func appendValue(b []byte, c *parquet.Column, v parquet.Value) []byte {
	from := len(b)
	b = appendPlain(b, c, v, false)
	if isNumber(c, v) {
		return b
	}
	return appendText(b[:from], append([]byte(nil), b[from:]...))
}

// isNumber tells whether appendPlain writes what is a number or a boolean in JSON.
func isNumber(c *parquet.Column, v parquet.Value) bool {
	switch v.Kind() {
	case parquet.Boolean:
		return true
	case parquet.Int32:
		return !isDate(c)
	case parquet.Int64:
		return timestampUnit(c) == 0 || !isDateTime(c)
	case parquet.Float:
		return finite(float64(v.Float()))
	case parquet.Double:
		return finite(v.Double())
	case parquet.ByteArray, parquet.FixedLenByteArray:
		_, ok := decimalScale(c)
		return ok
	case parquet.Int96:
	}
	return false
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// appendPlain appends a value that is not null as text. A time is in milliseconds, or in seconds where those are asked for; in columns that
// OCSF has for times as text (…_dt) it is RFC 3339.
func appendPlain(b []byte, c *parquet.Column, v parquet.Value, seconds bool) []byte {
	switch v.Kind() {
	case parquet.Boolean:
		return strconv.AppendBool(b, v.Boolean())
	case parquet.Int32:
		return appendInt32(b, c, v)
	case parquet.Int64:
		return appendInt64(b, c, v, seconds)
	case parquet.Int96:
		return int96Time(v.Int96()).AppendFormat(b, time.RFC3339Nano)
	case parquet.Float:
		return strconv.AppendFloat(b, float64(v.Float()), 'g', -1, 32)
	case parquet.Double:
		return strconv.AppendFloat(b, v.Double(), 'g', -1, 64)
	case parquet.ByteArray, parquet.FixedLenByteArray:
		if scale, ok := decimalScale(c); ok {
			return appendDecimal(b, twosComplement(v.ByteArray()), scale)
		}
		if l := c.Type().LogicalType(); l != nil {
			if _, ok := l.Value.(*format.UUIDType); ok && len(v.ByteArray()) == 16 {
				return append(b, v.String()...)
			}
		}
		return append(b, v.ByteArray()...)
	}
	return b
}

func appendInt32(b []byte, c *parquet.Column, v parquet.Value) []byte {
	if isDate(c) {
		return time.Unix(int64(v.Int32())*86400, 0).UTC().AppendFormat(b, time.DateOnly)
	}
	if scale, ok := decimalScale(c); ok {
		return appendDecimal(b, big.NewInt(int64(v.Int32())), scale)
	}
	if unsigned(c) {
		return strconv.AppendUint(b, uint64(v.Uint32()), 10)
	}
	return strconv.AppendInt(b, int64(v.Int32()), 10)
}

func appendInt64(b []byte, c *parquet.Column, v parquet.Value, seconds bool) []byte {
	if unit := int64(timestampUnit(c)); unit > 0 {
		perSecond := int64(time.Second) / unit
		switch n := v.Int64(); {
		case seconds:
			return strconv.AppendInt(b, floor(n, perSecond), 10)
		case isDateTime(c):
			at := floor(n, perSecond)
			return time.Unix(at, (n-at*perSecond)*unit).UTC().AppendFormat(b, time.RFC3339Nano)
		default:
			return strconv.AppendInt(b, floor(n, perSecond/1000), 10)
		}
	}
	if scale, ok := decimalScale(c); ok {
		return appendDecimal(b, big.NewInt(v.Int64()), scale)
	}
	if unsigned(c) {
		return strconv.AppendUint(b, v.Uint64(), 10)
	}
	return strconv.AppendInt(b, v.Int64(), 10)
}

// floor is n divided by d, rounded down.
func floor(n, d int64) int64 {
	q := n / d
	if n%d < 0 {
		q--
	}
	return q
}

// isDateTime tells whether OCSF has the column as text.
func isDateTime(c *parquet.Column) bool { return strings.HasSuffix(c.Name(), "_dt") }

// timestampUnit is the unit of a column of times; 0 for any other.
func timestampUnit(c *parquet.Column) time.Duration {
	if l := c.Type().LogicalType(); l != nil {
		if t, ok := l.Value.(*format.TimestampType); ok && t.Unit.Value != nil {
			return t.Unit.Value.Duration()
		}
	}
	if t := c.Type().ConvertedType(); t != nil {
		switch *t { //nolint:exhaustive // two of many
		case deprecated.TimestampMillis:
			return time.Millisecond
		case deprecated.TimestampMicros:
			return time.Microsecond
		}
	}
	return 0
}

func isDate(c *parquet.Column) bool {
	if l := c.Type().LogicalType(); l != nil {
		_, ok := l.Value.(*format.DateType)
		return ok
	}
	t := c.Type().ConvertedType()
	return t != nil && *t == deprecated.Date
}

func unsigned(c *parquet.Column) bool {
	l := c.Type().LogicalType()
	if l == nil {
		return false
	}
	t, ok := l.Value.(*format.IntType)
	return ok && !t.IsSigned
}

func decimalScale(c *parquet.Column) (int32, bool) {
	l := c.Type().LogicalType()
	if l == nil {
		return 0, false
	}
	t, ok := l.Value.(*format.DecimalType)
	if !ok || t.Scale < 0 || t.Scale > 1000 {
		return 0, false
	}
	return t.Scale, true
}

// appendDecimal appends n / 10^scale.
func appendDecimal(b []byte, n *big.Int, scale int32) []byte {
	digits := new(big.Int).Abs(n).String()
	if n.Sign() < 0 {
		b = append(b, '-')
	}
	if scale == 0 {
		return append(b, digits...)
	}
	if missing := int(scale) + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	point := len(digits) - int(scale)
	b = append(b, digits[:point]...)
	b = append(b, '.')
	return append(b, digits[point:]...)
}

// twosComplement reads a number as decimals have it.
func twosComplement(text []byte) *big.Int {
	n := new(big.Int).SetBytes(text)
	if len(text) > 0 && text[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(text))))
	}
	return n
}

// int96Time reads a time as Hive and Impala wrote it: nanoseconds of the day, and the Julian day.
func int96Time(v deprecated.Int96) time.Time {
	var b [8]byte
	binary.LittleEndian.PutUint32(b[:4], v[0])
	binary.LittleEndian.PutUint32(b[4:], v[1])
	const unixDay = 2440588
	ns := int64(binary.LittleEndian.Uint64(b[:])) //nolint:gosec // at most a day
	return time.Unix((int64(v[2])-unixDay)*86400, ns).UTC()
}
