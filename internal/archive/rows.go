package archive

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/schemas"
)

// An eventRow is an OCSF event in a Parquet file: the columns that everybody asks for, nested as in OCSF, where Kafka had it, and the event itself.
// It stands in raw_data, which OCSF has for what was received, as text: engines have functions for JSON, a struct for every attribute of every
// class would change with every release of the schema, and nothing is lost.
type eventRow struct {
	Time         int64      `parquet:"time"`              // milliseconds
	TimeDT       int64      `parquet:"time_dt,timestamp"` // the same, as a timestamp
	ClassUID     int32      `parquet:"class_uid"`
	ClassName    string     `parquet:"class_name,dict"`
	CategoryUID  int32      `parquet:"category_uid"`
	ActivityID   int32      `parquet:"activity_id"`
	ActivityName string     `parquet:"activity_name,optional,dict"`
	TypeUID      int64      `parquet:"type_uid"`
	SeverityID   int32      `parquet:"severity_id"`
	Severity     string     `parquet:"severity,optional,dict"`
	StatusID     int32      `parquet:"status_id,optional"`
	Status       string     `parquet:"status,optional,dict"`
	StatusCode   string     `parquet:"status_code,optional,dict"`
	StatusDetail string     `parquet:"status_detail,optional"`
	Message      string     `parquet:"message,optional"`
	Metadata     metaCol    `parquet:"metadata"`
	Cloud        cloudCol   `parquet:"cloud"`
	Actor        actorCol   `parquet:"actor"`
	Src          endCol     `parquet:"src_endpoint"`
	Dst          endCol     `parquet:"dst_endpoint"`
	API          apiCol     `parquet:"api"`
	Resources    []resource `parquet:"resources,list"`
	RawData      string     `parquet:"raw_data"`
	Kafka        kafkaCol   `parquet:"riposte_kafka"`
}

type metaCol struct {
	UID            string     `parquet:"uid"`
	Version        string     `parquet:"version,optional,dict"`
	LogName        string     `parquet:"log_name,optional,dict"`
	CorrelationUID string     `parquet:"correlation_uid,optional"`
	Product        productCol `parquet:"product"`
}

type productCol struct {
	Name       string `parquet:"name,optional,dict"`
	VendorName string `parquet:"vendor_name,optional,dict"`
}

type cloudCol struct {
	Provider string `parquet:"provider,optional,dict"`
	Region   string `parquet:"region,optional,dict"`
	Account  uidCol `parquet:"account"`
}

type uidCol struct {
	UID string `parquet:"uid,optional,dict"`
}

type actorCol struct {
	User userCol `parquet:"user"`
}

type userCol struct {
	Name string `parquet:"name,optional,dict"`
	UID  string `parquet:"uid,optional,dict"`
	Type string `parquet:"type,optional,dict"`
}

type endCol struct {
	IP       string `parquet:"ip,optional,dict"`
	Port     int32  `parquet:"port,optional"`
	Hostname string `parquet:"hostname,optional,dict"`
}

type apiCol struct {
	Operation string     `parquet:"operation,optional,dict"`
	Service   serviceCol `parquet:"service"`
}

type serviceCol struct {
	Name string `parquet:"name,optional,dict"`
}

type resource struct {
	UID    string `parquet:"uid,optional"`
	Name   string `parquet:"name,optional"`
	Type   string `parquet:"type,optional,dict"`
	Region string `parquet:"region,optional,dict"`
}

// A kafkaCol is where the evidence of a row is.
type kafkaCol struct {
	Topic     string `parquet:"topic,dict"`
	Partition int32  `parquet:"partition"`
	Offset    int64  `parquet:"offset"`
	Timestamp int64  `parquet:"timestamp,timestamp"`
	Source    string `parquet:"source,optional,dict"` // ce_source: who vouches for it
}

// A commandRow is a command in a Parquet file. raw_data is all of it, with its event.
type commandRow struct {
	ID        string    `parquet:"id"`
	Created   int64     `parquet:"created,timestamp"`
	Rule      string    `parquet:"rule,dict"`
	RuleTitle string    `parquet:"rule_title,optional,dict"`
	RuleHash  string    `parquet:"rule_hash,dict"`
	Step      string    `parquet:"step,dict"`
	Lane      string    `parquet:"lane,dict"`
	Action    string    `parquet:"action,dict"`
	Target    targetCol `parquet:"target"`
	Severity  string    `parquet:"severity,dict"`
	EventUID  string    `parquet:"event_uid"`
	EventTime int64     `parquet:"event_time,timestamp"`
	Source    string    `parquet:"source,optional,dict"`
	Mode      string    `parquet:"mode,optional,dict"`
	Approval  string    `parquet:"approval,optional,dict"`
	Cause     string    `parquet:"cause,optional"`
	Replay    string    `parquet:"replay,optional"`
	RawData   string    `parquet:"raw_data"`
	Kafka     kafkaCol  `parquet:"riposte_kafka"`
}

type targetCol struct {
	Type    string `parquet:"type,dict"`
	Account string `parquet:"account,optional,dict"`
	Region  string `parquet:"region,optional,dict"`
	ID      string `parquet:"id"`
}

// maxResources bounds the resources of a row; all of them are in raw_data.
const maxResources = 100

func kafkaOf(m *kafka.Message) kafkaCol {
	return kafkaCol{
		Topic: m.Topic, Partition: int32(m.Partition), Offset: m.Offset, Timestamp: m.Time.UnixMilli(), //nolint:gosec // partitions are few
		Source: m.Header(schemas.HeaderSource),
	}
}

// newEventRow makes the row of an event.
func newEventRow(m *kafka.Message) (eventRow, error) {
	ev, err := m.Event()
	if err != nil {
		return eventRow{}, err
	}
	r := eventRow{
		Time: ev.Time.UnixMilli(), TimeDT: ev.Time.UnixMilli(), ClassUID: int32(ev.Class), ClassName: schemas.ClassName(ev.Class), //nolint:gosec // checked by ReadEvent
		RawData: string(ev.Data), Kafka: kafkaOf(m),
	}
	gjson.ParseBytes(ev.Data).ForEach(func(key, v gjson.Result) bool {
		r.set(key.Str, v)
		return true
	})
	r.Metadata.UID = ev.UID
	return r, nil
}

// set takes over one attribute of an event.
func (r *eventRow) set(key string, v gjson.Result) {
	switch key {
	case "category_uid":
		r.CategoryUID = number32(v)
	case "activity_id":
		r.ActivityID = number32(v)
	case "activity_name":
		r.ActivityName = text(v)
	case "type_uid":
		r.TypeUID = v.Int()
	case "severity_id":
		r.SeverityID = number32(v)
	case "severity":
		r.Severity = text(v)
	case "status_id":
		r.StatusID = number32(v)
	case "status":
		r.Status = text(v)
	case "status_code":
		r.StatusCode = text(v)
	case "status_detail":
		r.StatusDetail = text(v)
	case "message":
		r.Message = text(v)
	case "metadata":
		r.Metadata = metaCol{
			Version: text(v.Get("version")), LogName: text(v.Get("log_name")), CorrelationUID: text(v.Get("correlation_uid")),
			Product: productCol{Name: text(v.Get("product.name")), VendorName: text(v.Get("product.vendor_name"))},
		}
	case "cloud":
		r.Cloud = cloudCol{Provider: text(v.Get("provider")), Region: text(v.Get("region")), Account: uidCol{text(v.Get("account.uid"))}}
	case "actor":
		r.Actor.User = userCol{Name: text(v.Get("user.name")), UID: text(v.Get("user.uid")), Type: text(v.Get("user.type"))}
	case "src_endpoint":
		r.Src = endpointOf(v)
	case "dst_endpoint":
		r.Dst = endpointOf(v)
	case "api":
		r.API = apiCol{Operation: text(v.Get("operation")), Service: serviceCol{text(v.Get("service.name"))}}
	case "resources":
		r.Resources = resourcesOf(v)
	}
}

func endpointOf(v gjson.Result) endCol {
	return endCol{IP: text(v.Get("ip")), Port: number32(v.Get("port")), Hostname: text(v.Get("hostname"))}
}

func resourcesOf(v gjson.Result) []resource {
	if !v.IsArray() {
		return nil
	}
	var out []resource
	v.ForEach(func(_, r gjson.Result) bool {
		out = append(out, resource{UID: text(r.Get("uid")), Name: text(r.Get("name")), Type: text(r.Get("type")), Region: text(r.Get("region"))})
		return len(out) < maxResources
	})
	return out
}

// text is a string; "" for anything else.
func text(v gjson.Result) string {
	if v.Type != gjson.String {
		return ""
	}
	return v.Str
}

// number32 is a number that fits; 0 for anything else.
func number32(v gjson.Result) int32 {
	n := v.Int()
	if v.Type != gjson.Number || n < math.MinInt32 || n > math.MaxInt32 {
		return 0
	}
	return int32(n)
}

// newCommandRow makes the row of a command.
func newCommandRow(m *kafka.Message) (commandRow, error) {
	var c schemas.Command
	if err := json.Unmarshal(m.Value, &c); err != nil {
		return commandRow{}, fmt.Errorf("command: %w", err)
	}
	return commandRow{
		ID: c.ID, Created: millis(c.Created), Rule: c.Rule, RuleTitle: c.RuleTitle, RuleHash: c.RuleHash, Step: c.Step, Lane: string(c.Lane), Action: c.Action,
		Target:   targetCol{Type: c.Target.Type, Account: c.Target.Account, Region: c.Target.Region, ID: c.Target.ID},
		Severity: c.Severity, EventUID: c.EventUID, EventTime: millis(c.EventTime), Source: c.Source, Mode: c.Mode, Approval: c.Approval, Cause: c.Cause,
		Replay: c.Replay, RawData: string(m.Value), Kafka: kafkaOf(m),
	}, nil
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
