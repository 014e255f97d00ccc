// Package iac finds where infrastructure code declares a thing that riposte has changed, so that its owner hears of it: what the code says is out of
// date from then on, and its next deployment would take the response back. It reads Terraform's state and asks CloudFormation; it changes neither.
package iac

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

// Config says where infrastructure code keeps what it knows.
type Config struct {
	// Terraform names state files (format 4, of Terraform or OpenTofu): paths, in which * stands for any part of a name, and s3://bucket/key.
	Terraform []string `yaml:"terraform"`
	// Account and Region are where the buckets of states are; default our own.
	Account string `yaml:"account"`
	Region  string `yaml:"region"`
	// CloudFormation asks CloudFormation, in the account and region of what was changed.
	CloudFormation bool `yaml:"cloudformation"`
	// Timeout is how long a search may take; what was not found by then is not told of.
	Timeout time.Duration `yaml:"timeout"`
}

// Defaults is what holds where the configuration is silent: nothing is searched.
func Defaults() Config { return Config{Timeout: 10 * time.Second} }

// Validate checks the settings without any I/O.
func (c Config) Validate() error {
	var errs []error
	if c.Timeout < time.Second || c.Timeout > time.Minute {
		errs = append(errs, fmt.Errorf("code.timeout is %s; 1s to 1m expected", c.Timeout))
	}
	for i, s := range c.Terraform {
		if err := checkSource(s); err != nil {
			errs = append(errs, fmt.Errorf("code.terraform[%d]: %w", i, err))
		}
	}
	return errors.Join(errs...)
}

// Searches tells whether there is anything to search.
func (c Config) Searches() bool { return len(c.Terraform) > 0 || c.CloudFormation }

// A Tool is what a declaration is written for.
type Tool string

// The tools whose declarations are found.
const (
	Terraform      Tool = "terraform"
	CloudFormation Tool = "cloudformation"
)

// A Place is a declaration of a thing.
type Place struct {
	Tool Tool
	// Where is the state file or the name of the stack; Address is the resource in it: module.net.aws_s3_bucket.logs["a"], or a logical id.
	Where, Address string
	Type, Name     string // of the resource, in the tool's words; Name is the logical id
	Module         string // of Terraform; "" for the root
}

// A Searcher finds the places that declare a thing. Whatever it finds comes back beside an error about the rest.
type Searcher interface {
	Search(ctx context.Context, t schemas.Target) ([]Place, error)
}

// A Code searches everywhere that a configuration names.
type Code struct {
	timeout   time.Duration
	searchers []Searcher
}

// New returns a search of what the configuration names. It does no I/O.
func New(c Config, clients *cloud.Clients) (*Code, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	code := &Code{timeout: c.Timeout}
	if len(c.Terraform) > 0 {
		code.searchers = append(code.searchers, newStates(c, func(ctx context.Context) (bucketAPI, error) { return clients.S3(ctx, c.Account, c.Region) }))
	}
	if c.CloudFormation {
		code.searchers = append(code.searchers, stacks{func(ctx context.Context, account, region string) (stackAPI, error) {
			return clients.CloudFormation(ctx, account, region)
		}})
	}
	return code, nil
}

// Search implements Searcher over all of them.
func (c *Code) Search(ctx context.Context, t schemas.Target) ([]Place, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var all []Place
	var errs []error
	for _, s := range c.searchers {
		places, err := s.Search(ctx, t)
		all, errs = append(all, places...), append(errs, err)
	}
	return all, errors.Join(errs...)
}

// names are what a thing may be called in code: its id, and its ARNs.
func names(t schemas.Target) []string {
	all := cloud.ARNs(t)
	if t.ID != "" && (len(all) == 0 || all[0] != t.ID) {
		all = append(all, t.ID)
	}
	if owner, policy, ok := strings.Cut(t.ID, "/policy/"); ok { // an inline policy: Terraform says NAME:POLICY
		if _, name, ok := strings.Cut(owner, "/"); ok {
			all = append(all, name+":"+policy)
		}
	}
	return all
}
