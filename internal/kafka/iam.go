package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/aws_msk_iam_v2"
)

// iam is the mechanism of Amazon MSK, with the credentials of AWS that the environment has, as they are at each connection.
type iam struct {
	region string // that of the environment if empty

	mu sync.Mutex
	m  *aws_msk_iam_v2.Mechanism
}

// Name implements sasl.Mechanism.
func (*iam) Name() string { return (*aws_msk_iam_v2.Mechanism)(nil).Name() }

// Start implements sasl.Mechanism.
func (i *iam) Start(ctx context.Context) (sasl.StateMachine, []byte, error) {
	m, err := i.mechanism(ctx)
	if err != nil {
		return nil, nil, err
	}
	return m.Start(ctx)
}

// mechanism reads what the environment says when it is needed first: a client is made without I/O.
func (i *iam) mechanism(ctx context.Context) (*aws_msk_iam_v2.Mechanism, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.m != nil {
		return i.m, nil
	}
	var opts []func(*config.LoadOptions) error
	if i.region != "" {
		opts = append(opts, config.WithRegion(i.region))
	}
	c, err := config.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return nil, fmt.Errorf("sasl: %w", err)
	}
	if c.Region == "" {
		return nil, errors.New("sasl: aws-msk-iam: region (or AWS_REGION) expected")
	}
	i.m = &aws_msk_iam_v2.Mechanism{Signer: v4.NewSigner(), Credentials: c.Credentials, Region: c.Region}
	return i.m, nil
}
