package unpack

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/tools/txtar"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
)

func gz(parts ...string) []byte {
	var b bytes.Buffer
	for _, p := range parts {
		w := gzip.NewWriter(&b)
		_, _ = io.WriteString(w, p)
		_ = w.Close()
	}
	return b.Bytes()
}

func items(t *testing.T, r io.Reader, opts Options) []Item {
	t.Helper()
	var got []Item
	err := Unpack(context.Background(), r, producers.Record{Origin: "o"}, opts, func(it Item) error {
		got = append(got, it)
		return nil
	})
	if err != nil {
		t.Fatalf("Unpack: %v", err)
	}
	return got
}

// show writes items in the form of the golden files.
func show(its []Item) string {
	var b strings.Builder
	for _, it := range its {
		fmt.Fprintf(&b, "%d at %s: ", it.Number, it.Record.Position)
		if it.Err != nil {
			fmt.Fprintf(&b, "PROBLEM %s: %q", it.Record.Attrs[producers.AttrProblem], it.Record.Data)
		} else {
			fmt.Fprintf(&b, "%s", it.Record.Data)
		}
		b.WriteByte('\n')
		for _, k := range []string{"header", "account", "region", "id", "source", "time", "detail-type", "resources", "log-group", "log-stream"} {
			if v := it.Record.Attrs[k]; v != "" {
				fmt.Fprintf(&b, "    %s = %s\n", k, v)
			}
		}
	}
	return b.String()
}

// TestGolden reads every case of testdata: "in" is the stream, "want" what comes out of it. Each is read whole and a byte at a time, plain
// and compressed.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(f)
			if err != nil {
				t.Fatal(err)
			}
			part := map[string]string{}
			for _, p := range a.Files {
				part[p.Name] = string(p.Data)
			}
			in, want := part["in"], part["want"]
			if strings.HasSuffix(f, "_nonl.txtar") {
				in = strings.TrimSuffix(in, "\n")
			}
			enc, _ := zstd.NewWriter(nil)
			for name, r := range map[string]io.Reader{
				"whole": strings.NewReader(in), "bytewise": iotest.OneByteReader(strings.NewReader(in)),
				"gzip": bytes.NewReader(gz(in)), "gzip members": bytes.NewReader(gz(in[:len(in)/2], in[len(in)/2:])),
				"zstd": bytes.NewReader(enc.EncodeAll([]byte(in), nil)),
			} {
				got := show(items(t, r, Options{}))
				if os.Getenv("UPDATE") != "" && name == "whole" {
					want = got
					for i := range a.Files {
						if a.Files[i].Name == "want" {
							a.Files[i].Data = []byte(got)
						}
					}
					if err := os.WriteFile(f, txtar.Format(a), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("%s: (-want +got)\n%s", name, d)
				}
			}
		})
	}
}

func TestEmpty(t *testing.T) {
	for _, in := range []string{"", "\n\n  \r\n", "\xef\xbb\xbf", "[]", `{"Records":[]}`, string(gz(""))} {
		if got := items(t, strings.NewReader(in), Options{}); len(got) != 0 {
			t.Errorf("%q: %s", in, show(got))
		}
	}
}

func TestSubscriptionData(t *testing.T) {
	inner := `{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"g","logStream":"s","logEvents":[{"id":"7","timestamp":1700000000123,"message":"2 a b\n"},{"id":"8","timestamp":1700000000124,"message":"{\"k\":1}"}]}`
	in := `{"awslogs":{"data":"` + base64.StdEncoding.EncodeToString(gz(inner)) + `"}}`
	got := items(t, strings.NewReader(in), Options{})
	if len(got) != 2 || string(got[0].Record.Data) != "2 a b" || string(got[1].Record.Data) != `{"k":1}` {
		t.Fatal(show(got))
	}
	a := got[1].Record.Attrs
	if a["account"] != "111122223333" || a["id"] != "8" || a["source"] != "cloudwatch:111122223333:g:s" || a["time"] != "2023-11-14T22:13:20.124Z" {
		t.Error(a)
	}
}

func TestOversized(t *testing.T) {
	big := `{"pad":"` + strings.Repeat("x", 10<<20) + `"}`
	for name, in := range map[string]string{
		"lines": `{"a":1}` + "\n" + big + "\n" + `{"a":2}` + "\n", "array": `[{"a":1},` + big + `,{"a":2}]`,
		"records": `{"Records":[{"a":1},` + big + `,{"a":2}]}`, "text": "a 1\n" + big[1:] + "\na 2\n", "concatenated": `{"a":1}` + big + `{"a":2}`,
	} {
		t.Run(name, func(t *testing.T) {
			got := items(t, strings.NewReader(in), Options{})
			if len(got) != 3 {
				t.Fatalf("%d items", len(got))
			}
			p := got[1]
			if !errors.Is(p.Err, ErrOversized) || !fault.IsPermanent(p.Err) || len(p.Record.Data) != producers.DeadLetterBytes {
				t.Fatalf("%v, %d bytes", p.Err, len(p.Record.Data))
			}
			n := p.Record.Attrs[producers.AttrLength]
			if want := fmt.Sprint(len(big)); n != want && name != "text" {
				t.Errorf("length %s, want %s", n, want)
			}
			if len(p.Record.Attrs[producers.AttrSHA256]) != 64 || got[2].Err != nil || got[2].Number != 3 {
				t.Error(p.Record.Attrs, got[2])
			}
		})
	}
}

func TestDepth(t *testing.T) {
	deep := `{"d":` + strings.Repeat("[", 100000) + strings.Repeat("]", 100000) + `}`
	for _, in := range []string{"{\"a\":1}\n" + deep + "\n{\"a\":2}", `[{"a":1},` + deep + `,{"a":2}]`} {
		got := items(t, strings.NewReader(in), Options{})
		if len(got) != 3 || !errors.Is(got[1].Err, ErrTooDeep) || got[2].Err != nil {
			t.Errorf("%d items, %v", len(got), got[1].Err)
		}
	}
}

func TestCorruptGzip(t *testing.T) {
	whole := gz(strings.Repeat(`{"a":"`+strings.Repeat("bcd", 9)+`"}`+"\n", 5000))
	got := items(t, bytes.NewReader(whole[:len(whole)/2]), Options{})
	if len(got) < 10 {
		t.Fatalf("%d items", len(got))
	}
	for i, it := range got {
		if last := i == len(got)-1; (it.Err != nil) != last {
			t.Errorf("item %d: %v", i, it.Err)
		}
	}
	if got = items(t, strings.NewReader("\x1f\x8b\x08garbage"), Options{}); len(got) != 1 || got[0].Err == nil {
		t.Error(show(got))
	}
}

// A reader that fails is no problem of the content: what it cuts off is not handed over, and the error is its own.
func TestReadError(t *testing.T) {
	broken := errors.New("connection reset")
	for name, head := range map[string][]byte{"plain": []byte("{\"a\":1}\n{\"a\":"), "gzip": gz("{\"a\":1}\n{\"a\":2}\n")[:20], "text": []byte("a b\nc")} {
		n := 0
		err := Unpack(context.Background(), io.MultiReader(bytes.NewReader(head), iotest.ErrReader(broken)), producers.Record{}, Options{}, func(it Item) error {
			n++
			return it.Err
		})
		if !errors.Is(err, broken) || fault.IsPermanent(err) || n > 1 {
			t.Errorf("%s: %v after %d", name, err, n)
		}
	}
}

// TestRefused: an error of whoever takes the records is what comes of it, also one that looks like the end of the text or like a fault in it.
func TestRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"{}\n{}\n{}\n", "[{},{},{}]", `{"Records":[{},{},{}]}`, "a\nb\nc\n"} {
		for _, why := range []error{errors.New("away"), fmt.Errorf("handshake: %w", io.EOF), fmt.Errorf("cut: %w", io.ErrUnexpectedEOF)} {
			calls := 0
			err := Unpack(t.Context(), strings.NewReader(text), producers.Record{}, Options{}, func(Item) error {
				if calls++; calls == 2 {
					return why
				}
				return nil
			})
			if !errors.Is(err, why) || calls != 2 {
				t.Errorf("%q refused by %q: %v after %d calls", text, why, err, calls)
			}
		}
	}
}

func TestBomb(t *testing.T) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	chunk := bytes.Repeat([]byte("\n"), 1<<20)
	for range 80 {
		_, _ = w.Write(chunk)
	}
	_ = w.Close()
	got := items(t, &b, Options{})
	if len(got) != 1 || !errors.Is(got[0].Err, ErrTooLarge) {
		t.Error(show(got))
	}
	if got = items(t, strings.NewReader(strings.Repeat("a\n", 100)), Options{MaxTotal: 50}); !errors.Is(got[len(got)-1].Err, ErrTooLarge) {
		t.Error(show(got))
	}
}

// Many broken documents must not be read over and over.
func TestBrokenIsLinear(t *testing.T) {
	in := strings.Repeat("{\"a\":[\n", 100_000)
	if got := items(t, strings.NewReader(in), Options{}); len(got) < 1000 {
		t.Errorf("%d items", len(got))
	}
}

func TestResume(t *testing.T) {
	in := "{\"a\":1}\n{\"Records\":[{\"b\":1},{\"b\":2}]}\n{\"c\":1}\n"
	var resumes []int64
	for _, it := range items(t, strings.NewReader(in), Options{}) {
		resumes = append(resumes, it.Resume)
	}
	if d := cmp.Diff([]int64{7, 8, 8, int64(len(in) - 1)}, resumes); d != "" {
		t.Error(d)
	}
}

func TestKeepEnvelope(t *testing.T) {
	in := `{"id":"1","detail-type":"t","source":"s","detail":{"a":1}}`
	if got := items(t, strings.NewReader(in), Options{KeepEnvelope: true}); string(got[0].Record.Data) != in {
		t.Error(show(got))
	}
}

func FuzzUnpack(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txtar")
	for _, name := range files {
		a, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(a.Files[0].Data)
		f.Add(gz(string(a.Files[0].Data)))
	}
	f.Add([]byte("[1,\"x\",null,{}]"))
	opts := Options{MaxRecord: 64, MaxDepth: 5}
	f.Fuzz(func(t *testing.T, in []byte) {
		whole := items(t, bytes.NewReader(in), opts)
		if d := cmp.Diff(show(whole), show(items(t, iotest.OneByteReader(bytes.NewReader(in)), opts))); d != "" {
			t.Errorf("read in pieces it differs:\n%s", d)
		}
		for i, it := range whole {
			if it.Number != i+1 || it.Err == nil && len(it.Record.Data) == 0 {
				t.Errorf("item %d: %+v", i, it)
			}
			if (it.Err != nil) != (it.Record.Attrs[producers.AttrProblem] != "") {
				t.Errorf("item %d: %v, %v", i, it.Err, it.Record.Attrs)
			}
		}
	})
}
