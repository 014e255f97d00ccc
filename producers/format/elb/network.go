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
	case r.kind == connection:
		r.Begin(schemas.ClassNetworkActivity, 1, "Open", r.Time)
	default:
		r.Begin(schemas.ClassNetworkActivity, 6, "Traffic", r.Time)
	}
	r.Severity(1)
	r.Status(failed)
	if !r.Move("status_code", verifyStatus) {
		r.Move("status_code", alert)
	}
	r.writeMetadata(false)
	r.writeCloud()
	r.writeTimes()
	if !r.Move("app_protocol_name", alpn) {
		r.Move("app_protocol_name", kindField)
	}
	source := r.writeSource()
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
