package cloudtrail

import "github.com/riposte-security/riposte/producers/format/ocsfjson"

type node = ocsfjson.Node

// fields are the members of a CloudTrail record that the mapping names.
type fields struct {
	eventVersion, userIdentity, eventTime, eventSource, eventName, awsRegion, sourceIPAddress, userAgent, errorCode, errorMessage,
	requestParameters, responseElements, additionalEventData, requestID, eventID, eventType, eventCategory, readOnly, apiVersion,
	managementEvent, recipientAccountID, sharedEventID, vpcEndpointID, resources, serviceEventDetails, insightDetails, tlsDetails, timeWindow node
}

func (f *fields) clear() {
	const none = ocsfjson.None
	*f = fields{
		none, none, none, none, none, none, none, none, none, none, none, none, none, none,
		none, none, none, none, none, none, none, none, none, none, none, none, none, none,
	}
}

// lookup finds the members in one pass.
func (f *fields) lookup(d *ocsfjson.Doc, at node) {
	f.clear()
	for c := d.First(at); c >= 0; c = d.Next(c) {
		if p := f.member(d.Key(c)); p != nil {
			*p = c
		}
	}
}

func (f *fields) member(name string) *node {
	switch name {
	case "eventVersion":
		return &f.eventVersion
	case "userIdentity":
		return &f.userIdentity
	case "eventTime":
		return &f.eventTime
	case "eventSource":
		return &f.eventSource
	case "eventName":
		return &f.eventName
	case "awsRegion":
		return &f.awsRegion
	case "sourceIPAddress":
		return &f.sourceIPAddress
	case "userAgent":
		return &f.userAgent
	case "errorCode":
		return &f.errorCode
	case "errorMessage":
		return &f.errorMessage
	case "requestParameters":
		return &f.requestParameters
	case "responseElements":
		return &f.responseElements
	case "additionalEventData":
		return &f.additionalEventData
	case "requestID":
		return &f.requestID
	case "eventID":
		return &f.eventID
	case "eventType":
		return &f.eventType
	case "eventCategory":
		return &f.eventCategory
	case "readOnly":
		return &f.readOnly
	case "managementEvent":
		return &f.managementEvent
	case "apiVersion":
		return &f.apiVersion
	case "recipientAccountId":
		return &f.recipientAccountID
	case "sharedEventID":
		return &f.sharedEventID
	case "vpcEndpointId":
		return &f.vpcEndpointID
	case "resources":
		return &f.resources
	case "serviceEventDetails":
		return &f.serviceEventDetails
	case "insightDetails":
		return &f.insightDetails
	case "tlsDetails":
		return &f.tlsDetails
	case "timeWindow":
		return &f.timeWindow
	}
	return nil
}
