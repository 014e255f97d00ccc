package catalog

import (
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	inventory "github.com/riposte-security/riposte/producers/source/aws-inventory"
	logs "github.com/riposte-security/riposte/producers/source/cloudwatch-logs"
	"github.com/riposte-security/riposte/producers/source/file"
	"github.com/riposte-security/riposte/producers/source/http"
	"github.com/riposte-security/riposte/producers/source/kafka"
	"github.com/riposte-security/riposte/producers/source/kinesis"
	"github.com/riposte-security/riposte/producers/source/s3"
	"github.com/riposte-security/riposte/producers/source/sqs"
	"github.com/riposte-security/riposte/producers/source/syslog"
	"github.com/riposte-security/riposte/schemas"
)

// A Source is what the catalogue knows of a source. New makes one without I/O: that begins with Run.
type Source struct {
	Name     string                                                                     `json:"name"`
	Summary  string                                                                     `json:"summary"`
	Settings []schemas.Setting                                                          `json:"settings,omitempty"`
	Policy   []string                                                                   `json:"policy,omitempty"` // least AWS IAM actions
	New      func(cfg config.Node, deps producers.SourceDeps) (producers.Source, error) `json:"-"`
}

// Sources lists every source, one a line.
func Sources() []Source {
	return []Source{
		{"aws-inventory", inventory.Summary, inventory.Settings(), inventory.Policy(), inventory.New},
		{"cloudwatch-logs", logs.Summary, logs.Settings(), logs.Policy(), logs.New},
		{"file", file.Summary, file.Settings(), nil, file.New},
		{"http", http.Summary, http.Settings(), nil, http.New},
		{"kafka", kafka.Summary, kafka.Settings(), nil, kafka.New},
		{"kinesis", kinesis.Summary, kinesis.Settings(), kinesis.Policy(), kinesis.New},
		{"s3", s3.Summary, s3.Settings(), s3.Policy(), s3.New},
		{"sqs", sqs.Summary, sqs.Settings(), sqs.Policy(), sqs.New},
		{"syslog", syslog.Summary, syslog.Settings(), nil, syslog.New},
	}
}
