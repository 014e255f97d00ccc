package wafv2ipset

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/wafv2"
	"github.com/aws/aws-sdk-go-v2/service/wafv2/types"

	"github.com/riposte-security/riposte/consumers/block/batch"
	"github.com/riposte-security/riposte/internal/cloud"
)

const capacity = 10_000 // addresses in one set

// commit reads a set, merges the changes in, and writes it, again when somebody else came between. AWS takes a set as a whole, and allows few calls a second.
func commit(ctx context.Context, api API, set setRef, changes []*batch.Change) error {
	stale := func(err error) bool { return cloud.Code(err) == "WAFOptimisticLockException" }
	return batch.Retry(ctx, stale, func() error {
		out, err := get(ctx, api, set)
		if err != nil {
			return err
		}
		addresses := batch.Merge(out.IPSet.Addresses, changes, capacity, fmt.Errorf("full: AWS WAF allows %d addresses in a set", capacity))
		if slices.Equal(addresses, out.IPSet.Addresses) {
			return nil
		}
		_, err = api.UpdateIPSet(ctx, &wafv2.UpdateIPSetInput{
			Name: &set.Name, Id: &set.ID, Scope: types.Scope(set.Scope), LockToken: out.LockToken,
			Addresses: addresses, Description: out.IPSet.Description, // which would be lost
		})
		return cloud.Classify(err)
	})
}
