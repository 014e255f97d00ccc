package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	settings "github.com/riposte-security/riposte/internal/config"
)

// storeTimeout is how long a secret may take: nothing starts without it.
const storeTimeout = 15 * time.Second

// Stores are the secret stores of AWS, for references in the configuration: ${aws-secretsmanager:NAME}, or NAME#KEY for one key of a secret that is a JSON
// object, and ${aws-ssm:NAME}. NAME may be an ARN. Credentials and region are those of the environment, as everywhere: the configuration is not read yet.
// Each secret is asked for once. ctx bounds all calls.
func Stores(ctx context.Context) settings.Stores {
	return settings.Stores{
		"aws-secretsmanager": once(func(name string) (string, error) {
			name, key, whole := strings.Cut(name, "#")
			text, err := secretValue(ctx, name)
			if err != nil || !whole {
				return text, err
			}
			return keyOf(text, key)
		}),
		"aws-ssm": once(func(name string) (string, error) { return parameter(ctx, name) }),
	}
}

// once keeps what fetch has found, so that a configuration that is read again is the same.
func once(fetch func(string) (string, error)) func(string) (string, error) {
	var mu sync.Mutex
	found := map[string]string{}
	return func(name string) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if v, ok := found[name]; ok {
			return v, nil
		}
		v, err := fetch(name)
		if err == nil {
			found[name] = v
		}
		return v, err
	}
}

func secretValue(ctx context.Context, name string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	c, err := ambient(ctx, name)
	if err != nil {
		return "", err
	}
	out, err := secretsmanager.NewFromConfig(c).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name})
	switch {
	case err != nil:
		return "", fmt.Errorf("secrets manager: %w", err)
	case out.SecretString != nil:
		return *out.SecretString, nil
	}
	return string(out.SecretBinary), nil
}

func parameter(ctx context.Context, name string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	c, err := ambient(ctx, name)
	if err != nil {
		return "", err
	}
	out, err := ssm.NewFromConfig(c).GetParameter(ctx, &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
	switch {
	case err != nil:
		return "", fmt.Errorf("parameter store: %w", err)
	case out.Parameter == nil || out.Parameter.Value == nil:
		return "", errors.New("parameter store: the parameter has no value")
	}
	return *out.Parameter.Value, nil
}

// ambient is what the environment says of AWS, in the region of an ARN.
func ambient(ctx context.Context, name string) (aws.Config, error) {
	var opts []func(*config.LoadOptions) error
	if a, err := arn.Parse(name); err == nil && a.Region != "" {
		opts = append(opts, config.WithRegion(a.Region))
	}
	c, err := config.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return c, fmt.Errorf("aws: %w", err)
	}
	return c, nil
}

// keyOf takes one key out of a secret that is a JSON object. Its errors do not hold the secret.
func keyOf(text, key string) (string, error) {
	var all map[string]any
	if json.Unmarshal([]byte(text), &all) != nil {
		return "", errors.New("the secret is no JSON object")
	}
	switch v := all[key].(type) {
	case string:
		return v, nil
	case nil:
		return "", fmt.Errorf("the secret has no key %q", key)
	default:
		return "", fmt.Errorf("key %q of the secret is no text", key)
	}
}
