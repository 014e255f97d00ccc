package simaws

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

// A Message is one message published to a topic.
type Message struct{ Subject, Text string }

// maxMessage is the largest message that SNS takes, in bytes.
const maxMessage = 256 << 10

// AddTopic puts an SNS topic into the account and returns its ARN.
func (a *AWS) AddTopic(name string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	arn := "arn:aws:sns:" + a.region + ":" + a.account + ":" + name
	a.topics[arn] = nil
	return arn
}

// Messages returns what was published to a topic.
func (a *AWS) Messages(arn string) []Message {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.topics[arn])
}

func (a *AWS) sns() map[string]operation {
	return map[string]operation{"Publish": {run: a.publish, changes: true}}
}

func (a *AWS) publish(f form) (any, *fault) {
	arn, text := f.Get("TopicArn"), f.Get("Message")
	all, ok := a.topics[arn]
	switch {
	case !ok:
		return nil, refuse(http.StatusNotFound, "NotFound", "Topic does not exist")
	case text == "" || len(text) > maxMessage:
		return nil, refuse(http.StatusBadRequest, "InvalidParameter", "Invalid parameter: Message")
	case len(f.Get("Subject")) > 100:
		return nil, refuse(http.StatusBadRequest, "InvalidParameter", "Invalid parameter: Subject")
	}
	a.topics[arn] = append(all, Message{Subject: f.Get("Subject"), Text: text})
	return textXML{xml.Name{Local: "MessageId"}, fmt.Sprintf("00000000-0000-4000-8001-%012d", len(all)+1)}, nil
}

func (a *AWS) sts() map[string]operation {
	return map[string]operation{"GetCallerIdentity": {run: a.callerIdentity}}
}

func (a *AWS) callerIdentity(form) (any, *fault) {
	return []textXML{
		{xml.Name{Local: "Arn"}, "arn:aws:sts::" + a.account + ":assumed-role/riposte/riposte"},
		{xml.Name{Local: "UserId"}, "AROASIMULATED:riposte"},
		{xml.Name{Local: "Account"}, a.account},
	}, nil
}

// textXML is an element that holds text.
type textXML struct {
	XMLName xml.Name
	Text    string `xml:",chardata"`
}

func itoa(n int) string { return strconv.Itoa(n) }
