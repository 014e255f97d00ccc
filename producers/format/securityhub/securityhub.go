package securityhub

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/eventbridge/envelope"
	"github.com/riposte-security/riposte/producers/format/ocsf"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// Name is the format's name, and the events' metadata.log_name.
const Name = "securityhub"

// settings: the format has none, so that any key is refused.
type settings struct{}

type format struct {
	events *ocsfjson.Pool
	ocsf   *ocsf.Reader
}

// New makes the format. It has no settings.
func New(cfg config.Node) (producers.Format, error) {
	var s settings
	if err := cfg.Decode(&s); err != nil {
		return nil, err
	}
	reader, err := ocsf.NewReader()
	if err != nil {
		return nil, err
	}
	return format{events: new(ocsfjson.Pool), ocsf: reader}, nil
}

// Parse makes an event of every finding in the record.
func (f format) Parse(in producers.Record) ([]schemas.Event, error) {
	events, err := envelope.Events(f.events, in, f.finding)
	if err != nil {
		return nil, fault.Permanent(fmt.Errorf("%s: %w", Name, err))
	}
	return events, nil
}

// finding makes the event of one finding, which e holds as text.
func (f format) finding(e *ocsfjson.Event, in producers.Record, index int, text string) (schemas.Event, error) {
	if e.Doc.Get(e.Doc.Root(), "class_uid") < 0 {
		return newFinding(e, in).event()
	}
	add := ocsf.Add{LogName: Name, Updates: true}
	if e.Outer != nil {
		add.Beside = e.Outer.Raw(e.Outer.Root())
	}
	if index > 0 { // a finding without an id of its own shall not have that of the first one
		in.Position += fmt.Sprintf("#%d", index)
		in.Attrs = nil
	}
	return f.ocsf.Read(in, []byte(text), add)
}

type node = ocsfjson.Node

// A finding is one finding in ASFF while it becomes an event.
type finding struct {
	*ocsfjson.Event
	fields
	in                     producers.Record
	time                   time.Time
	uid, account, region   string
	class                  int
	keyDetails, fieldsList node // details of an access key among the resources; ProductFields
}

func newFinding(e *ocsfjson.Event, in producers.Record) *finding {
	r := &finding{Event: e, in: in}
	r.lookup(&e.Doc)
	return r
}

func (r *finding) get(n node, name string) node { return r.Doc.Get(n, name) }

func (r *finding) str(n node, name string) string { return r.Doc.Str(r.Doc.Get(n, name)) }

// each calls do for the objects in a list.
func (r *finding) each(list node, do func(n node)) {
	if r.Doc.Kind(list) != ocsfjson.Array {
		return
	}
	for c := r.Doc.First(list); c >= 0; c = r.Doc.Next(c) {
		if r.Doc.Kind(c) == ocsfjson.Object {
			do(c)
		}
	}
}

func (r *finding) event() (schemas.Event, error) {
	if err := r.read(); err != nil {
		return schemas.Event{}, err
	}
	activity, name := r.activity()
	r.Begin(r.class, activity, name, r.time)
	r.Severity(r.severity())
	r.writeStatus()
	r.writeMetadata()
	r.writeCloud()
	r.writeFindingInfo()
	r.MoveInt("confidence_score", r.confidence, 0, 100)
	r.Move("comment", r.get(r.note, "Text"))
	r.writeActor()
	switch r.class {
	case schemas.ClassComplianceFinding:
		r.writeCompliance()
		r.writeRemediation()
		r.writeEvidences()
	case schemas.ClassVulnerabilityFinding:
		r.writeVulnerabilities()
	default:
		r.Lit(`"is_alert":true`)
		r.writeRemediation()
		r.writeEvidences()
		r.writeMalware()
	}
	r.writeResources()
	r.observeIndicators()
	r.KeyResource, r.KeyUser, r.KeyIP = strings.Clone(r.KeyResource), strings.Clone(r.KeyUser), strings.Clone(r.KeyIP)
	return r.Finish(r.class, r.uid, r.time), nil
}

// read looks up what names the finding, and chooses its class.
func (r *finding) read() error {
	d := &r.Doc
	switch {
	case d.Str(r.id) == "":
		return errors.New("no finding of Security Hub: neither Id (ASFF) nor class_uid (OCSF)")
	case d.Str(r.productArn) == "" && d.Str(r.accountID) == "" && d.Str(r.schemaVersion) == "":
		return errors.New("no finding of Security Hub: none of ProductArn, AwsAccountId and SchemaVersion")
	}
	r.time = ocsfjson.Received(r.in)
	found := false
	for _, n := range [...]struct {
		node node
		name string
	}{
		{r.updatedAt, "UpdatedAt"}, {r.lastObservedAt, "LastObservedAt"}, {r.createdAt, "CreatedAt"}, {r.firstObservedAt, "FirstObservedAt"},
	} {
		t, ok, err := envelope.Time(d, n.node)
		if err != nil {
			return fmt.Errorf("%s: %w", n.name, err)
		}
		if ok && !found {
			r.time, found = t, true
		}
	}
	r.account, r.region = d.Str(r.accountID), d.Str(r.regionName)
	if r.account == "" {
		r.account = r.in.Attrs[producers.AttrAccount]
	}
	r.uid = envelope.UID(d.Str(r.id), d.Raw(r.updatedAt))
	r.fieldsList, r.keyDetails = r.productFields, ocsfjson.None
	r.each(r.resources, func(n node) {
		if k := d.Path(n, "Details", "AwsIamAccessKey"); d.Kind(k) == ocsfjson.Object && r.keyDetails < 0 {
			r.keyDetails = k
		}
	})
	switch {
	case r.vulnerable():
		r.class = schemas.ClassVulnerabilityFinding
	case d.Str(r.get(r.compliance, "Status")) != "" || d.Str(r.get(r.compliance, "SecurityControlId")) != "":
		r.class = schemas.ClassComplianceFinding
	default:
		r.class = schemas.ClassDetectionFinding
	}
	return nil
}

// severity is OCSF's for the label, else for the number from 0 to 100 that findings had before.
func (r *finding) severity() int {
	switch r.str(r.severityOf, "Label") {
	case "INFORMATIONAL":
		return 1
	case "LOW":
		return 2
	case "MEDIUM":
		return 3
	case "HIGH":
		return 4
	case "CRITICAL":
		return 5
	}
	n, ok := r.Doc.Int(r.get(r.severityOf, "Normalized"))
	switch {
	case !ok || n < 0 || n > 100:
		return 0
	case n >= 90:
		return 5
	case n >= 70:
		return 4
	case n >= 40:
		return 3
	case n >= 1:
		return 2
	}
	return 1
}

// activity tells a new finding from one that has changed or is done with.
func (r *finding) activity() (int, string) {
	created, updated := r.Doc.Str(r.createdAt), r.Doc.Str(r.updatedAt)
	switch {
	case r.Doc.Str(r.recordState) == "ARCHIVED", r.workflowStatus() == "RESOLVED":
		return 3, "Close"
	case created != "" && updated != "" && created != updated:
		return 2, "Update"
	}
	return 1, "Create"
}

func (r *finding) workflowStatus() string {
	if s := r.str(r.workflow, "Status"); s != "" {
		return s
	}
	return r.Doc.Str(r.workflowState)
}

func (r *finding) writeStatus() {
	switch status := r.workflowStatus(); {
	case r.Doc.Str(r.recordState) == "ARCHIVED":
		r.Lit(`"status":"Archived","status_id":5`)
	case status == "NOTIFIED", status == "ASSIGNED", status == "IN_PROGRESS":
		r.Lit(`"status":"In Progress","status_id":2`)
	case status == "SUPPRESSED":
		r.Lit(`"status":"Suppressed","status_id":3`)
	case status == "RESOLVED":
		r.Lit(`"status":"Resolved","status_id":4`)
	default:
		r.Lit(`"status":"New","status_id":1`)
	}
}
