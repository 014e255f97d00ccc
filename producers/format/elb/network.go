package elb

import (
	"errors"
	"strings"

	"github.com/riposte-security/riposte/schemas"
)

// isFailure tells whether the log says that the connection came to nothing.
func (r *entry) isFailure() bool {
	switch r.kind {
	case network:
		return !r.Has(handshakeTime)
	case classic:
		return !r.Has(target)
	case connection:
		return strings.HasPrefix(r.Value(verifyStatus), "Failed")
	case healthCheck:
		return r.Value(health) == "FAIL"
	case application:
	}
	return false
}

// writeNetwork writes a connection.
func (r *entry) writeNetwork() (schemas.Event, error) {
	failed := r.isFailure()
	switch {
	case failed:
		r.Begin(schemas.ClassNetworkActivity, 4, "Fail", r.Time)
	case r.kind == connection, r.kind == healthCheck:
		r.Begin(schemas.ClassNetworkActivity, 1, "Open", r.Time)
	default:
		r.Begin(schemas.ClassNetworkActivity, 6, "Traffic", r.Time)
	}
	r.Severity(1)
	r.Status(failed)
	if r.kind == healthCheck {
		r.Move("status_code", healthCode)
		r.Move("status_detail", healthReason)
	} else if !r.Move("status_code", verifyStatus) {
		r.Move("status_code", alert)
	}
	r.writeMetadata(false)
	r.writeCloud()
	r.writeTimes()
	if !r.Move("app_protocol_name", alpn) {
		r.Move("app_protocol_name", kindField)
	}
	source := r.writeSource()
	if r.kind == healthCheck {
		r.writeTarget()
		r.writeBalancer(0)
		return r.End(schemas.ClassNetworkActivity), nil
	}
	switch {
	case r.endpoint("dst_endpoint", "dst_endpoint.ip", r.Value(destination)):
	case r.Has(listenerPort):
		at := r.Open("dst_endpoint")
		r.Lit(`"svc_name":"elasticloadbalancing.amazonaws.com"`)
		r.Count("port", listenerPort)
		r.Close(at)
	case !source:
		return schemas.Event{}, errors.New("neither a client nor a destination: no endpoint")
	}
	r.writeBalancer(0)
	r.writeTLS()
	r.writeConnection()
	r.Traffic(sent, received)
	return r.End(schemas.ClassNetworkActivity), nil
}

// writeTarget writes who asked for health, and who was asked: the address of a target, or what is known of one that has none.
func (r *entry) writeTarget() {
	r.Lit(`"src_endpoint":{"svc_name":"elasticloadbalancing.amazonaws.com"}`)
	if r.endpoint("dst_endpoint", "dst_endpoint.ip", r.Value(target)) {
		return
	}
	at := r.Open("dst_endpoint")
	if !r.Move("name", target) {
		r.Move("name", healthGroup)
	}
	r.Close(at)
}
