package eventbridge_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/catalog"
	"github.com/riposte-security/riposte/producers/format/eventbridge"
	"github.com/riposte-security/riposte/producers/format/formattest"
	"github.com/riposte-security/riposte/producers/unpack"
)

// scalars: the detail stands as if it came by itself, all else under envelope.
func scalars(t testing.TB, r producers.Record) []formattest.Scalar {
	t.Helper()
	out := formattest.JSONScalars(t, r)
	if r.Attrs[unpack.AttrDetailType] != "" || !strings.Contains(string(r.Data), `"detail-type"`) {
		return out
	}
	for i := range out {
		if path, ok := strings.CutPrefix(out[i].Path, "/detail/"); ok {
			out[i].Path = "/" + strings.TrimPrefix(path, "findings/0/")
		} else {
			out[i].Path = "/envelope" + out[i].Path
		}
	}
	return out
}

func suite() formattest.Suite {
	return formattest.Suite{New: eventbridge.New(catalog.NewFormat), Scalars: scalars, Free: []string{
		"/requestParameters/", "/responseElements/", "/configurationItem/configuration/", "/service/", "/Resources/", "/class_uid", "/resource/",
		"/category_uid", "/activity_id", "/type_uid", "/time", "/severity_id",
	}}
}

func TestGolden(t *testing.T) { suite().Golden(t) }

func TestSettingsAreStrict(t *testing.T) {
	n, err := config.FromSettings(map[string]string{"no": "such"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := eventbridge.New(catalog.NewFormat)(n); err == nil {
		t.Error("an unknown setting is accepted")
	}
}

// TestWholeOrOpened: an event that comes whole gives what it gives when unpack has opened it.
func TestWholeOrOpened(t *testing.T) {
	f, err := eventbridge.New(catalog.NewFormat)(config.Node{})
	if err != nil {
		t.Fatal(err)
	}
	whole := producers.Record{Origin: "o", Position: "1", Data: []byte(`{"version":"0","id":"e-1","detail-type":"Object Created","source":"aws.s3",` +
		`"account":"111122223333","time":"2026-03-01T10:00:00Z","region":"eu-central-1","resources":["arn:aws:s3:::uploads"],"detail":{"bucket":{"name":"uploads"}}}`)}
	first, err := f.Parse(whole)
	if err != nil {
		t.Fatal(err)
	}
	second, err := f.Parse(unpack.EventBridge(whole))
	if err != nil || len(first) != 1 || len(second) != 1 || string(first[0].Data) != string(second[0].Data) || first[0].UID != second[0].UID {
		t.Errorf("%v\n%s\n%s", err, first[0].Data, second[0].Data)
	}
}

// TestMaking: a format that cannot be made is not the record's fault.
func TestMaking(t *testing.T) {
	broken := errors.New("broken")
	f, err := eventbridge.New(func(string, config.Node) (producers.Format, error) { return nil, broken })(config.Node{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Parse(producers.Record{Data: []byte(`{"detail-type":"AWS API Call via CloudTrail","source":"aws.s3","detail":{}}`)})
	if !errors.Is(err, broken) || fault.IsPermanent(err) {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	suite().Seed(f)
	check := formattest.NewChecker(f)
	f.Fuzz(func(t *testing.T, data []byte, _ string) {
		suite().Fuzz(t, check, data, map[string]string{producers.AttrFile: "what is lossless, each format's own test says"})
	})
}

func BenchmarkParse(b *testing.B) { suite().Bench(b, formattest.JSON) }
