// Package historytest stands in for the history that AWS Config keeps.
package historytest

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/configservice"
	"github.com/aws/aws-sdk-go-v2/service/configservice/types"
	"github.com/aws/smithy-go"
)

// A History answers like AWS Config that has recorded Items, the newest first.
type History struct {
	Items []types.ConfigurationItem
	// PageDays is how many days a page spans; 0 puts all on one.
	PageDays int
	// Endless adds a further page to each.
	Endless bool
	// Err, where not nil, is the answer to everything.
	Err error
	// Asked counts the calls.
	Asked int
}

// Item is an item about a thing in good order.
func Item(id string, captured time.Time, configuration string) types.ConfigurationItem {
	return types.ConfigurationItem{ResourceId: &id, ConfigurationItemCaptureTime: &captured, Configuration: &configuration, ConfigurationItemStatus: types.ConfigurationItemStatusOk}
}

// GetResourceConfigHistory implements confighistory.API.
func (h *History) GetResourceConfigHistory(_ context.Context, in *configservice.GetResourceConfigHistoryInput, _ ...func(*configservice.Options)) (*configservice.GetResourceConfigHistoryOutput, error) {
	h.Asked++
	if h.Err != nil {
		return nil, h.Err
	}
	page, err := strconv.Atoi(aws.ToString(in.NextToken) + "0")
	if err != nil {
		return nil, err
	}
	page /= 10
	out := &configservice.GetResourceConfigHistoryOutput{}
	more := h.Endless
	for _, i := range h.Items {
		if aws.ToString(i.ResourceId) != aws.ToString(in.ResourceId) {
			continue
		}
		of := 0
		if age := in.LaterTime.Sub(*i.ConfigurationItemCaptureTime); h.PageDays > 0 && age > 0 {
			of = int(age.Hours()) / 24 / h.PageDays
		}
		if of == page {
			out.ConfigurationItems = append(out.ConfigurationItems, i)
		}
		more = more || of > page
	}
	if more {
		out.NextToken = aws.String(strconv.Itoa(page + 1))
	}
	return out, nil
}

// Unreadable is the error of an answer that the SDK cannot make out.
func Unreadable() error {
	return &smithy.DeserializationError{Err: errors.New("invalid character '<'")}
}
