package elb

import (
	"strconv"
	"strings"

	"github.com/riposte-security/riposte/producers/format/accesslog"
)

// writeBalancer writes load_balancer, with the targets.
func (r *entry) writeBalancer(code int64) {
	uid := r.Value(name)
	if uid == "" {
		return
	}
	at := r.Open("load_balancer")
	_, rest, _ := strings.Cut(uid, "/") // such as app/shop/50dc6c495c0c9188
	if short, id, ok := strings.Cut(rest, "/"); ok && short != "" && !strings.Contains(id, "/") {
		r.Move("uid", name)
		r.Str("name", short)
	} else {
		r.Move("name", name)
	}
	if code > 0 {
		r.Writer.Int("code", code)
	}
	r.Move("classification", classification)
	r.Move("status_detail", classificationReason)
	r.Move("error_message", errorReason)
	if r.kind != healthCheck { // of which it is the endpoint itself
		r.endpoint("dst_endpoint", "load_balancer.dst_endpoint.ip", r.Value(target))
	}
	r.writeTargets()
	r.Close(at)
}

// endpoint writes an endpoint given as address:port; false, and nothing, where it is none.
func (r *entry) endpoint(member, path, text string) bool {
	ip, port, ok := accesslog.Address(text)
	if !ok {
		return false
	}
	at := r.Open(member)
	r.IP("ip", ip, path)
	r.Port("port", port)
	return r.Close(at)
}

// writeTargets writes the targets of a request that went to several.
func (r *entry) writeTargets() {
	list := r.Value(targets)
	if !strings.Contains(list, " ") {
		return
	}
	codes := strings.Fields(r.Value(targetStatuses))
	at := r.List("endpoint_connections")
	for i, text := range strings.Fields(list) {
		in := r.Open("")
		r.endpoint("network_endpoint", "load_balancer.endpoint_connections["+strconv.Itoa(i)+"].network_endpoint.ip", text)
		if i < len(codes) {
			if code, err := strconv.ParseUint(codes[i], 10, 15); err == nil {
				r.Writer.Int("code", int64(code))
			}
		}
		r.Close(in)
	}
	r.Close(at)
}
