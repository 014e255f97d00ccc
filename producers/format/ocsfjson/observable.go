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

func (t ObservableType) caption() string {
	switch t {
	case Hostname:
		return "Hostname"
	case IPAddress:
		return "IP Address"
	case MACAddress:
		return "MAC Address"
	case UserName:
		return "User Name"
	case EmailAddress:
		return "Email Address"
	case URLString:
		return "URL String"
	case FileName:
		return "File Name"
	case Hash:
		return "Hash"
	case ProcessName:
		return "Process Name"
	case ResourceUID:
		return "Resource UID"
	case Port:
		return "Port"
	case Subnet:
		return "Subnet"
	case CommandLine:
		return "Command Line"
	case Country:
		return "Country"
	case ProcessID:
		return "Process ID"
	case UserAgent:
		return "HTTP User-Agent"
	case CVEUID:
		return "CVE Object: uid"
	case CredentialUID:
		return "User Credential ID"
	case UserUID:
		return "User Object: uid"
	case GroupName:
		return "Group Object: name"
	case AccountUID:
		return "Account Object: uid"
	case SerialNumber:
		return "Serial Number"
	case FilePath:
		return "File Path"
	case DeviceUID:
		return "Device Object: uid"
	}
	return "Other"
}

func (t ObservableType) digits() string { return strconv.Itoa(int(t)) } // small: no allocation

type observable struct {
	kind       ObservableType
	name       string
	value, raw string // one of the two: text, or a JSON string
}

// Observe adds the string n to the observables. path is where it stands in the event.
func (e *Event) Observe(t ObservableType, path string, n Node) {
	if e.Doc.Kind(n) == String && len(e.Doc.Raw(n)) > 2 {
		e.observe(observable{kind: t, name: path, raw: e.Doc.Raw(n)})
	}
}

// ObserveText adds a text to the observables.
func (e *Event) ObserveText(t ObservableType, path, value string) {
	if value != "" {
		e.observe(observable{kind: t, name: path, value: value})
	}
}

// maxObservables bounds the search for repetitions, which is quadratic. What is beyond it stands in the event all the same.
const maxObservables = 256

func (e *Event) observe(o observable) {
	if len(e.observables) == maxObservables {
		return
	}
	for i := range e.observables {
		if p := &e.observables[i]; p.kind == o.kind && p.raw == o.raw && p.value == o.value {
			return
		}
	}
	e.observables = append(e.observables, o)
}

// ObservablePrefix is the text of an observable up to its value, the value's opening quote included: for formats that write their events by
// hand. What follows the value is `"}`.
func ObservablePrefix(t ObservableType, path string) string {
	return `{"name":"` + path + `","type":"` + t.caption() + `","type_id":` + t.digits() + `,"value":"`
}

func (e *Event) writeObservables() {
	if len(e.observables) == 0 {
		return
	}
	at := e.List("observables")
	for i := range e.observables {
		o := &e.observables[i]
		e.comma()
		e.B = append(append(append(e.B, `{"name":"`...), o.name...), `","type":"`...)
		e.B = append(append(append(e.B, o.kind.caption()...), `","type_id":`...), o.kind.digits()...)
		if e.B = append(e.B, `,"value":`...); o.raw != "" {
			e.B = append(e.B, o.raw...)
		} else {
			e.Quote(o.value)
		}
		e.B = append(e.B, '}')
	}
	e.Close(at)
}
