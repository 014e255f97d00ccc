package ocsfjson

import (
	"strconv"
	"time"
)

// A head is what the events of one activity begin with, but for their time.
type head struct {
	class, activity int
	name            string
	text            []byte
	time            int // where in text it stands
}

// beginnings is how many heads an Event keeps: a format has few.
const beginnings = 16

// Begin starts the event with what every class has: activity, category, class, type, time. With activity 99 (Other), activityName is the
// source's own word, and may be any text.
func (e *Event) Begin(class, activity int, activityName string, t time.Time) {
	e.reserve()
	h := &e.heads[uint(class*7+activity)%beginnings]
	if h.text == nil || h.class != class || h.activity != activity || h.name != activityName {
		if activity == 99 { // the name is any word, and not worth keeping
			h = &head{}
		}
		h.write(class, activity, activityName)
	}
	e.grow(len(h.text) + 20)
	e.B = append(e.B, h.text[:h.time]...)
	e.B = e.B[:len(strconv.AppendInt(e.B, t.UnixMilli(), 10))]
	e.B = append(e.B, h.text[h.time:]...)
}

func (h *head) write(class, activity int, activityName string) {
	h.class, h.activity, h.name = class, activity, activityName
	name, category, categoryName := className(class)
	w := Writer{B: make([]byte, 0, 320)}
	at := w.Open("")
	w.Int("activity_id", int64(activity))
	w.Str("activity_name", activityName)
	w.Str("category_name", categoryName)
	w.Int("category_uid", int64(category))
	w.Str("class_name", name)
	w.Int("class_uid", int64(class))
	w.Key("time")
	h.time = len(w.B)
	if activity == 99 { // activity_name is the source's own word then
		activityName = "Other"
	}
	w.B = append(w.B, ' ') // for the comma
	w.Str("type_name", name+": "+activityName)
	w.Int("type_uid", int64(class)*100+int64(activity))
	h.text = append(w.B[at:h.time:h.time], w.B[h.time+1:]...)
}
