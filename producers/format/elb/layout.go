package elb

import (
	"strings"

	"github.com/riposte-security/riposte/producers/format/accesslog"
)

// The fields that the mapping knows.
const (
	_ accesslog.Field = iota
	kindField
	version
	timeField
	name
	listener
	client
	clientIP
	clientPort
	listenerPort
	target
	destination
	requestTime
	targetTime
	responseTime
	elbStatus
	targetStatus
	received
	sent
	request
	userAgent
	cipher
	protocol
	targetGroup
	traceID
	domain
	certARN
	created
	actions
	errorReason
	targets
	targetStatuses
	classification
	classificationReason
	connTrace
	connectionTime
	handshakeTime
	alert
	alpn
	verifyStatus
	health
	healthCode
	healthReason
	healthGroup
)

const (
	applicationFields = "type time elb client:port target:port request_processing_time target_processing_time response_processing_time " +
		"elb_status_code target_status_code received_bytes sent_bytes request user_agent ssl_cipher ssl_protocol target_group_arn trace_id " +
		"domain_name chosen_cert_arn matched_rule_priority request_creation_time actions_executed redirect_url error_reason " +
		"target:port_list target_status_code_list classification classification_reason conn_trace_id transformed_host transformed_uri " +
		"request_transform_status ip_address"
	networkFields = "type version time elb listener client:port destination:port connection_time tls_handshake_time received_bytes " +
		"sent_bytes incoming_tls_alert chosen_cert_arn chosen_cert_serial tls_cipher tls_protocol_version tls_named_group domain_name " +
		"alpn_fe_protocol alpn_be_protocol alpn_client_preference_list tls_connection_creation_time"
	classicFields = "time elb client:port backend:port request_processing_time backend_processing_time response_processing_time " +
		"elb_status_code backend_status_code received_bytes sent_bytes request user_agent ssl_cipher ssl_protocol"
	connectionFields = "time client_ip client_port listener_port tls_protocol tls_cipher tls_handshake_latency leaf_client_cert_subject " +
		"leaf_client_cert_validity leaf_client_cert_serial_number tls_verify_status conn_trace_id"
	healthFields = "type time latency target_addr target_group_id status status_code reason_code"
)

// fieldOf gives the field of a name.
func fieldOf(n string) accesslog.Field {
	switch n {
	case "type":
		return kindField
	case "version":
		return version
	case "time", "timestamp":
		return timeField
	case "elb":
		return name
	case "listener":
		return listener
	case "client:port":
		return client
	case "client_ip":
		return clientIP
	case "client_port":
		return clientPort
	case "listener_port":
		return listenerPort
	case "target:port", "backend:port", "target_port":
		return target
	case "destination:port", "destination_port":
		return destination
	case "request_processing_time":
		return requestTime
	case "target_processing_time", "backend_processing_time":
		return targetTime
	case "response_processing_time":
		return responseTime
	case "elb_status_code":
		return elbStatus
	case "target_status_code", "backend_status_code":
		return targetStatus
	case "received_bytes":
		return received
	case "sent_bytes":
		return sent
	case "request":
		return request
	case "user_agent":
		return userAgent
	}
	return laterFieldOf(n)
}

// laterFieldOf knows the fields that stand behind the user agent, and those of connections.
func laterFieldOf(n string) accesslog.Field {
	switch n {
	case "ssl_cipher", "tls_cipher":
		return cipher
	case "ssl_protocol", "tls_protocol", "tls_protocol_version":
		return protocol
	case "target_group_arn":
		return targetGroup
	case "trace_id":
		return traceID
	case "domain_name":
		return domain
	case "chosen_cert_arn":
		return certARN
	case "request_creation_time", "tls_connection_creation_time":
		return created
	case "actions_executed":
		return actions
	case "error_reason":
		return errorReason
	case "target:port_list", "target_port_list":
		return targets
	case "target_status_code_list":
		return targetStatuses
	case "classification":
		return classification
	case "classification_reason":
		return classificationReason
	case "conn_trace_id":
		return connTrace
	case "connection_time":
		return connectionTime
	case "tls_handshake_time", "tls_handshake_latency":
		return handshakeTime
	case "incoming_tls_alert":
		return alert
	case "alpn_fe_protocol":
		return alpn
	case "tls_verify_status":
		return verifyStatus
	case "latency":
		return targetTime
	case "target_addr":
		return target
	case "target_group_id":
		return healthGroup
	case "status":
		return health
	case "status_code":
		return healthCode
	case "reason_code":
		return healthReason
	}
	return accesslog.Unknown
}

func columns(names string) *accesslog.Layout {
	words := strings.Fields(names)
	out := make([]accesslog.Column, len(words))
	for i, n := range words {
		out[i] = accesslog.Column{Name: n, Field: fieldOf(n)}
	}
	return accesslog.NewLayout(out)
}

// layouts are the orders of fields.
type layouts struct{ application, network, classic, connection, health *accesslog.Layout }

func newLayouts() *layouts {
	return &layouts{columns(applicationFields), columns(networkFields), columns(classicFields), columns(connectionFields), columns(healthFields)}
}
