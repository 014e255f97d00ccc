package schemas_test

import (
	"os"
	"testing"

	"github.com/riposte-security/riposte/schemas"
	"golang.org/x/tools/txtar"
)

func BenchmarkReadEvent(b *testing.B) {
	text, err := os.ReadFile("ocsf/testdata/valid_api.txtar")
	if err != nil {
		b.Fatal(err)
	}
	value, env := txtar.Parse(text).Files[0].Data, from()
	for name, value := range map[string][]byte{"ocsf": value, "custom": []byte(`{"kind":"login_failed","user":"bob"}`)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(value)))
			b.ReportAllocs()
			var r schemas.Reader
			for b.Loop() {
				if _, err := r.Read(value, env); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
