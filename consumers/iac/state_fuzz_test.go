package iac

import (
	"strings"
	"testing"
)

// FuzzState: a state is read or refused, and what is found in it can be named: a place has a type and stands in the text.
func FuzzState(f *testing.F) {
	f.Add(`{"version":4,"resources":[{"mode":"managed","type":"aws_s3_bucket","name":"b","module":"module.m","instances":[{"index_key":"k","attributes":{"id":"acme","arn":"arn:aws:s3:::acme"}}]}]}`)
	f.Add(`{"resources":[{"mode":"managed","instances":[{"index_key":1e99,"attributes":{"id":7}}]}],"version":4}`)
	f.Add(`{"version":3}`)
	f.Add(`{"version":4,"resources":[`)
	f.Fuzz(func(t *testing.T, text string) {
		found, err := readState(strings.NewReader(text), "x")
		if err != nil {
			if found != nil || !strings.HasPrefix(err.Error(), "terraform state x: ") {
				t.Errorf("%v, %v", found, err)
			}
			return
		}
		for name, places := range found {
			for _, p := range places {
				if name == "" || p.Tool != Terraform || p.Where != "x" || !strings.Contains(p.Address, p.Type+"."+p.Name) {
					t.Errorf("%q: %+v", name, p)
				}
			}
		}
	})
}
