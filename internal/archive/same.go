package archive

import (
	"errors"
	"io"
	"reflect"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// sameRows tells whether two Parquet files of one name hold the same rows. What cannot be read does not.
func sameRows(one, other *piece) (same bool) {
	defer func() {
		if recover() != nil { // the library, over a file that nobody vouches for
			same = false
		}
	}()
	if strings.HasPrefix(one.Name, "commands/") {
		return rowsEqual[commandRow](one, other)
	}
	return rowsEqual[eventRow](one, other)
}

func rowsEqual[R any](one, other *piece) bool {
	a, err := parquet.OpenFile(one.f, one.Size)
	if err != nil {
		return false
	}
	b, err := parquet.OpenFile(other.f, other.Size)
	if err != nil || a.NumRows() != b.NumRows() || a.Schema().String() != b.Schema().String() {
		return false
	}
	left, right := parquet.NewGenericReader[R](a), parquet.NewGenericReader[R](b)
	defer left.Close()  //nolint:errcheck // read only
	defer right.Close() //nolint:errcheck // read only
	x, y := make([]R, 64), make([]R, 64)
	for {
		clear(x)
		clear(y)
		n, err := left.Read(x)
		m, err2 := right.Read(y)
		if n != m || !reflect.DeepEqual(x[:n], y[:n]) {
			return false
		}
		if errors.Is(err, io.EOF) {
			return errors.Is(err2, io.EOF)
		}
		if err != nil || err2 != nil {
			return false
		}
	}
}
