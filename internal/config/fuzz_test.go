package config

import (
	"errors"
	"testing"
)

// FuzzRead: no text makes reading a configuration crash, and a store that fails never shows what it has.
func FuzzRead(f *testing.F) {
	f.Add("http: { listen: \"127.0.0.1:1\", token: \"${A}\" }\nproducers: [ { name: a, format: json, source: { http: {} } } ]")
	f.Add("http:\n  token: |\n    ${vault:a}\n  &a: *a")
	f.Fuzz(func(_ *testing.T, text string) {
		cfg, err := Read("f.yaml", []byte(text), func(string) (string, bool) { return "a: [\n", true }, Stores{
			"vault": func(string) (string, error) { return "", errors.New("closed") },
		})
		if err == nil {
			_ = cfg.Pos("http", "listen")
		}
	})
}
