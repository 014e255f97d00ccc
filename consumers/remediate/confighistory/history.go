// Package confighistory asks AWS Config what a thing was like before an event, for the actions that put it back.
package confighistory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/configservice"
	"github.com/aws/aws-sdk-go-v2/service/configservice/types"
	"github.com/aws/smithy-go"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
)

const (
	// mostPages bounds a search: a page spans seven days at most, and AWS Config is asked for those of two years.
	mostPages = 110
	pageSize  = 20
	longest   = 4 << 20 // of the configuration of one thing, in bytes
)

// Policy lists the least AWS IAM actions that Walk needs.
func Policy() []string { return []string{"config:GetResourceConfigHistory"} }

// API is what Walk needs of AWS Config.
type API interface {
	GetResourceConfigHistory(context.Context, *configservice.GetResourceConfigHistoryInput, ...func(*configservice.Options)) (*configservice.GetResourceConfigHistoryOutput, error)
}

// An Item is what AWS Config recorded of a thing at one time.
type Item struct {
	Captured time.Time
	// Deleted says that the thing did not exist then. There is no Configuration.
	Deleted bool
	// Configuration is JSON, in a form of the thing's kind.
	Configuration []byte
	Tags          map[string]string
}

// When says where an item is from, for people.
func (i Item) When() string {
	return "as AWS Config recorded it at " + i.Captured.UTC().Format(time.RFC3339)
}

// ErrUnreadable says that there was an answer which nobody can read. There is then no more to go by than where there is no record, and a plan says so.
const ErrUnreadable = historyError("AWS Config's answer could not be read")

type historyError string

func (e historyError) Error() string { return string(e) }

// Walk calls visit with what was recorded of a thing before the event, the newest first, until visit has seen enough. Where AWS Config is off, does not record the
// thing, or has forgotten it, there is nothing to visit, and no error; ErrUnreadable is the error of an answer that is none. What happened between the last record and the event is in no item: AWS Config may lag
// behind by minutes, and by a day where it records daily.
func Walk(ctx context.Context, api API, kind types.ResourceType, id string, event time.Time, visit func(Item) (enough bool, err error)) error {
	in := &configservice.GetResourceConfigHistoryInput{
		ResourceType: kind, ResourceId: &id, LaterTime: &event, Limit: pageSize, ChronologicalOrder: types.ChronologicalOrderReverse,
	}
	for range mostPages {
		out, err := api.GetResourceConfigHistory(ctx, in)
		switch cloud.Code(err) {
		case "ResourceNotDiscoveredException", "NoAvailableConfigurationRecorderException":
			return nil
		}
		if _, unreadable := errors.AsType[*smithy.DeserializationError](err); unreadable {
			return ErrUnreadable // asking again gives the same answer
		}
		if err != nil {
			return cloud.Classify(err)
		}
		for _, c := range out.ConfigurationItems {
			i, ok, err := itemOf(c)
			if err != nil {
				return err
			}
			if !ok || !i.Captured.Before(event) {
				continue
			}
			if enough, err := visit(i); enough || err != nil {
				return err
			}
		}
		if in.NextToken = out.NextToken; aws.ToString(out.NextToken) == "" {
			return nil
		}
	}
	return nil
}

// itemOf reads an item. One that only says that the thing is not recorded any more says nothing of it.
func itemOf(c types.ConfigurationItem) (Item, bool, error) {
	i := Item{Captured: aws.ToTime(c.ConfigurationItemCaptureTime), Tags: c.Tags, Configuration: []byte(aws.ToString(c.Configuration))}
	if len(i.Configuration) > longest {
		return i, false, fault.Permanent(fmt.Errorf("config GetResourceConfigHistory: a configuration of %d bytes", len(i.Configuration)))
	}
	switch c.ConfigurationItemStatus {
	case types.ConfigurationItemStatusResourceDeleted:
		i.Deleted, i.Configuration = true, nil
	case types.ConfigurationItemStatusResourceDeletedNotRecorded, types.ConfigurationItemStatusResourceNotRecorded:
		return i, false, nil
	default:
		if len(i.Configuration) == 0 {
			return i, false, fault.Permanent(errors.New("config GetResourceConfigHistory: an item without a configuration"))
		}
	}
	return i, true, nil
}

// Before returns the newest item before the event; nil where there is none.
func Before(ctx context.Context, api API, kind types.ResourceType, id string, event time.Time) (*Item, error) {
	var found *Item
	err := Walk(ctx, api, kind, id, event, func(i Item) (bool, error) {
		found = &i
		return true, nil
	})
	return found, err
}
