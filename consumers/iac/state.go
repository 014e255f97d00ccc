package iac

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	stateVersion = 4 // https://github.com/hashicorp/terraform/blob/main/internal/states/statefile/version4.go
	maxState     = 256 << 20
)

// An index knows the resources of a state by their ids and ARNs.
type index map[string][]Place

// readState reads a state as it streams by: of each resource, what identifies it is kept, and its attributes are not.
func readState(r io.Reader, where string) (index, error) {
	limited := &io.LimitedReader{R: r, N: maxState + 1}
	found, err := decodeState(json.NewDecoder(limited), where)
	switch {
	case limited.N <= 0:
		return nil, fmt.Errorf("terraform state %s: larger than %d MiB", where, maxState>>20)
	case err != nil:
		return nil, fmt.Errorf("terraform state %s: %w", where, err)
	}
	return found, nil
}

func decodeState(d *json.Decoder, where string) (index, error) {
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.Join(errors.New("an object expected"), err)
	}
	found, version := index{}, 0
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch key {
		case "version":
			if err := d.Decode(&version); err != nil {
				return nil, fmt.Errorf("version, at byte %d: %w", d.InputOffset(), err)
			}
			if version != stateVersion {
				return nil, fmt.Errorf("its format is version %d; version %d is what is read here", version, stateVersion)
			}
		case "resources":
			if err := found.resources(d, where); err != nil {
				return nil, fmt.Errorf("resources, at byte %d: %w", d.InputOffset(), err)
			}
		default:
			var skipped json.RawMessage
			if err := d.Decode(&skipped); err != nil {
				return nil, fmt.Errorf("%v, at byte %d: %w", key, d.InputOffset(), err)
			}
		}
	}
	if version == 0 {
		return nil, errors.New("it has no version: not a state, or the state of an empty workspace")
	}
	return found, nil
}

// A resource is one of a state, as far as it matters here.
type resource struct {
	Module    string `json:"module"`
	Mode      string `json:"mode"` // managed, or data
	Type      string `json:"type"`
	Name      string `json:"name"`
	Instances []struct {
		IndexKey   any `json:"index_key"`
		Attributes struct {
			ID  any `json:"id"`
			ARN any `json:"arn"`
		} `json:"attributes"`
	} `json:"instances"`
}

func (x index) resources(d *json.Decoder, where string) error {
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return errors.Join(errors.New("a list expected"), err)
	}
	for d.More() {
		var r resource
		if err := d.Decode(&r); err != nil {
			return err
		}
		if r.Mode != "managed" {
			continue
		}
		for _, instance := range r.Instances {
			p := Place{Tool: Terraform, Where: where, Address: r.address(instance.IndexKey), Type: r.Type, Name: r.Name, Module: r.Module}
			id, _ := instance.Attributes.ID.(string)
			arn, _ := instance.Attributes.ARN.(string)
			for _, name := range []string{id, arn} {
				if name != "" {
					x[name] = append(x[name], p)
				}
			}
		}
	}
	_, err := d.Token()
	return err
}

// address is the resource as Terraform's own messages name it.
func (r resource) address(key any) string {
	address := r.Type + "." + r.Name
	if r.Module != "" {
		address = r.Module + "." + address
	}
	switch k := key.(type) {
	case string:
		return address + "[" + strconv.Quote(k) + "]"
	case float64:
		return address + "[" + strconv.Itoa(int(k)) + "]"
	}
	return address
}

// checkSource checks the name of a state without any I/O.
func checkSource(s string) error {
	rest, remote := strings.CutPrefix(s, "s3://")
	if bucket, key, ok := strings.Cut(rest, "/"); remote && (!ok || bucket == "" || key == "") {
		return fmt.Errorf("%q: s3://bucket/key expected", s)
	}
	if s == "" || !remote && strings.Contains(s, "://") {
		return fmt.Errorf("%q: a path, or s3://bucket/key, expected", s)
	}
	return nil
}
