package envelope

import (
	"bytes"

	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/unpack"
)

// Open takes the detail out of an EventBridge event that comes whole, with what the event says of it in the record's attributes, as unpack
// does by default; any other record is returned as it is.
func Open(r producers.Record) producers.Record {
	if len(r.Data) == 0 || !bytes.Contains(r.Data, []byte(`"detail-type"`)) || !gjson.ValidBytes(r.Data) {
		return r
	}
	return unpack.EventBridge(r)
}
