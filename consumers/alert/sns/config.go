package sns

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/riposte-security/riposte/schemas"
)

// Config is what riposte.yaml says of an SNS topic.
type Config struct {
	TopicARN string `yaml:"topic_arn"`
	Format   string `yaml:"format"`
}

// The forms of a message.
const (
	formatText = "text"
	formatJSON = "json"
)

// Defaults is what holds where the configuration is silent.
func Defaults() Config { return Config{Format: formatText} }

// Settings describes Config.
func Settings() []schemas.Setting {
	return []schemas.Setting{
		{Name: "topic_arn", Type: "string", Required: true, Help: "ARN of the topic. It may be in another account if its policy lets us publish."},
		{Name: "format", Type: "string", Default: formatText, Help: "Form of the message: text, for e-mail to people, or json, for programs."},
	}
}

// Validate checks the settings without any I/O.
func (c Config) Validate() error {
	if c.TopicARN == "" {
		return errors.New("sns topic_arn: expected")
	}
	a, err := arn.Parse(c.TopicARN)
	if err != nil || a.Service != "sns" || a.Region == "" || a.AccountID == "" || a.Resource == "" || strings.Contains(a.Resource, ":") {
		return fmt.Errorf("sns topic_arn %q: expected something like arn:aws:sns:eu-central-1:111122223333:alerts", c.TopicARN)
	}
	if c.Format != formatText && c.Format != formatJSON {
		return fmt.Errorf("sns format %q: %s or %s expected", c.Format, formatText, formatJSON)
	}
	return nil
}

func (c Config) fifo() bool { return strings.HasSuffix(c.TopicARN, ".fifo") }

func (c Config) region() (string, error) {
	a, err := arn.Parse(c.TopicARN)
	if err != nil {
		return "", fmt.Errorf("sns topic_arn: %w", err)
	}
	return a.Region, nil
}
