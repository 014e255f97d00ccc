package catalog

import (
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/config"
)

func TestReceivers(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-central-1")
	clients, err := cloud.New(t.Context(), cloud.Config{}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		kind, yaml string
		want       string // part of the error; "" for none
	}{
		{"log", "", ""},
		{"log", "level: info", "receivers.yaml:1:1"},
		{"webhook", "url: https://example.com/hook\nsecret: whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\ntimeout: 5s\nheaders: { Authorization: Bearer x }\ninclude_event: true", ""},
		{"webhook", "url: https://example.com/hook\nsecrets: [a]", "receivers.yaml:2:1"},
		{"webhook", "url: https://example.com/hook", "secret"},
		{"sns", "topic_arn: arn:aws:sns:eu-central-1:111122223333:alerts\nformat: json", ""},
		{"sns", "topic_arn: alerts", "arn:aws:sns"},
		{"pager", "", "log, sns, webhook"},
	} {
		t.Run(c.kind+" "+c.want, func(t *testing.T) {
			cfg, err := config.Parse("receivers.yaml", []byte(c.yaml))
			if err != nil {
				t.Fatal(err)
			}
			r, err := NewReceiver(c.kind, cfg, Deps{Clients: clients, Log: zerolog.Nop()})
			switch {
			case (c.want == "") != (err == nil), err != nil && !strings.Contains(err.Error(), c.want):
				t.Errorf("error %v, want %q", err, c.want)
			case err == nil && r == nil:
				t.Error("no receiver and no error")
			}
		})
	}
}

// TestReceiverSettings: what `riposte list receivers` prints is what the configuration takes.
func TestReceiverSettings(t *testing.T) {
	for _, r := range Receivers() {
		for _, s := range r.Settings {
			cfg, err := config.Parse("x", []byte(s.Name+": {}"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.New(cfg, Deps{}); err != nil && strings.Contains(err.Error(), "unknown field") {
				t.Errorf("%s: setting %s is listed and not known: %v", r.Name, s.Name, err)
			}
		}
	}
}
