package ocsfjson

import "strconv"

// An ObservableType is a type_id of OCSF's observable.
type ObservableType uint8

// The observable types that formats use.
const (
	Hostname      ObservableType = 1
	IPAddress     ObservableType = 2
	MACAddress    ObservableType = 3
	UserName      ObservableType = 4
	EmailAddress  ObservableType = 5
	URLString     ObservableType = 6
	FileName      ObservableType = 7
	Hash          ObservableType = 8
	ProcessName   ObservableType = 9
	ResourceUID   ObservableType = 10
	Port          ObservableType = 11
	Subnet        ObservableType = 12
	CommandLine   ObservableType = 13
	Country       ObservableType = 14
	ProcessID     ObservableType = 15
	UserAgent     ObservableType = 16
	CVEUID        ObservableType = 18
	CredentialUID ObservableType = 19
	UserUID       ObservableType = 31
	GroupName     ObservableType = 32
	AccountUID    ObservableType = 35
	SerialNumber  ObservableType = 37
	FilePath      ObservableType = 45
	DeviceUID     ObservableType = 47
)

// tail is the text of an observable behind its name, up to its value.
func (t ObservableType) tail() string {
	switch t {
	case Hostname:
		return `","type":"Hostname","type_id":1,"value":`
	case IPAddress:
		return `","type":"IP Address","type_id":2,"value":`
	case MACAddress:
		return `","type":"MAC Address","type_id":3,"value":`
	case UserName:
		return `","type":"User Name","type_id":4,"value":`
	case EmailAddress:
		return `","type":"Email Address","type_id":5,"value":`
	case URLString:
		return `","type":"URL String","type_id":6,"value":`
	case FileName:
		return `","type":"File Name","type_id":7,"value":`
	case Hash:
		return `","type":"Hash","type_id":8,"value":`
	case ProcessName:
		return `","type":"Process Name","type_id":9,"value":`
	case ResourceUID:
		return `","type":"Resource UID","type_id":10,"value":`
	case Port:
		return `","type":"Port","type_id":11,"value":`
	case Subnet:
		return `","type":"Subnet","type_id":12,"value":`
	case CommandLine:
		return `","type":"Command Line","type_id":13,"value":`
	case Country:
		return `","type":"Country","type_id":14,"value":`
	case ProcessID:
		return `","type":"Process ID","type_id":15,"value":`
	case UserAgent:
		return `","type":"HTTP User-Agent","type_id":16,"value":`
	case CVEUID:
		return `","type":"CVE Object: uid","type_id":18,"value":`
	case CredentialUID:
		return `","type":"User Credential ID","type_id":19,"value":`
	case UserUID:
		return `","type":"User Object: uid","type_id":31,"value":`
	case GroupName:
		return `","type":"Group Object: name","type_id":32,"value":`
	case AccountUID:
		return `","type":"Account Object: uid","type_id":35,"value":`
	case SerialNumber:
		return `","type":"Serial Number","type_id":37,"value":`
	case FilePath:
		return `","type":"File Path","type_id":45,"value":`
	case DeviceUID:
		return `","type":"Device Object: uid","type_id":47,"value":`
	}
	return `","type":"Other","type_id":` + strconv.Itoa(int(t)) + `,"value":`
}

// An observable is one of those that are written already: its kind, and where its value stands in Event.seen.
type observable struct {
	kind     ObservableType
	from, to int32
}

// Observe adds the string n to the observables. path is where it stands in the event.
func (e *Event) Observe(t ObservableType, path string, n Node) {
	if e.Doc.Kind(n) != String || len(e.Doc.Raw(n)) <= 2 {
		return
	}
	if from, ok := e.observable(t, path); ok {
		e.seen.B = append(e.seen.B, e.Doc.Raw(n)...)
		e.observed(t, from)
	}
}

// ObserveText adds a text to the observables.
func (e *Event) ObserveText(t ObservableType, path, value string) {
	if value == "" {
		return
	}
	if from, ok := e.observable(t, path); ok {
		e.seen.Quote(value)
		e.observed(t, from)
	}
}

// maxObservables bounds the search for repetitions, which is quadratic. What is beyond it stands in the event all the same.
const maxObservables = 256

// observable writes an observable up to its value, and returns where it begins; false if there are enough.
func (e *Event) observable(t ObservableType, path string) (from int, ok bool) {
	if len(e.observables) == maxObservables {
		return 0, false
	}
	w := &e.seen
	from = len(w.B)
	if from > 0 {
		w.B = append(w.B, ',')
	}
	w.B = append(w.B, `{"name":"`...)
	w.B = append(w.B, path...)
	w.B = append(w.B, t.tail()...)
	e.value = len(w.B)
	return from, true
}

// observed ends the observable that begins at from, and takes it back where the same value has been seen as the same thing.
func (e *Event) observed(t ObservableType, from int) {
	b := e.seen.B
	value := b[e.value:]
	for i := range e.observables {
		if o := &e.observables[i]; o.kind == t && string(b[o.from:o.to]) == string(value) {
			e.seen.B = e.seen.B[:from]
			return
		}
	}
	e.observables = append(e.observables, observable{t, int32(e.value), int32(len(b))}) //nolint:gosec // MaxRecord
	e.seen.B = append(e.seen.B, '}')
}

// ObservablePrefix is the text of an observable up to its value, the value's opening quote included: for formats that write their events by
// hand. What follows the value is `"}`.
func ObservablePrefix(t ObservableType, path string) string {
	return `{"name":"` + path + t.tail() + `"`
}

func (e *Event) writeObservables() {
	if len(e.observables) == 0 {
		return
	}
	n := e.key("observables", len(e.seen.B)+2)
	b := e.B[:n+len(e.seen.B)+2]
	b[n] = '['
	copy(b[n+1:], e.seen.B)
	b[len(b)-1] = ']'
	e.B = e.B[:len(b)]
}
