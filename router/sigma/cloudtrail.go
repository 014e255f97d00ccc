package sigma

import "strings"

// cloudtrail is the log source of AWS CloudTrail, whose field names are CloudTrail's own. The package producers/format/cloudtrail says where
// its values go. What is not mapped there stands under unmapped by the same name, so that no field is unknown.
func cloudtrail() source {
	table := cloudtrailFields()
	return source{
		guard: []string{`metadata.log_name == "cloudtrail"`},
		field: func(name string) ([]place, error) {
			for prefix, data := range map[string]string{"requestParameters": "api.request.data", "responseElements": "api.response.data"} {
				if name == prefix {
					return []place{free(data, ""), leftOdd(name)}, nil
				}
				if rest, ok := strings.CutPrefix(name, prefix+"."); ok {
					return []place{free(data, rest)}, nil
				}
			}
			return mapped(table, name, func(name string) []place { return []place{left(name)} }), nil
		},
		words: append(movedTo(table), "api.request.data", "api.response.data", "resources", "unmapped"),
	}
}

func cloudtrailFields() map[string][]place {
	t := map[string][]place{
		// Of an Insights event these two are those of the calls that it is about; the record itself has none.
		"eventName":   {text("api.operation").but("unmapped.insightDetails"), leftOdd("eventName")},
		"eventSource": {text("api.service.name").but("unmapped.insightDetails"), leftOdd("eventSource")},

		"sourceIPAddress":          {text("src_endpoint.ip"), text("unmapped.sourceIPAddress"), leftOdd("sourceIPAddress")},
		"userIdentity.accessKeyId": {text("actor.session.credential_uid").but("unmapped.userIdentity.credentialId"), left("userIdentity.accessKeyId")},
		"resources.ARN":            {free("resources", "uid"), left("resources.ARN")},
		"resources.type":           {free("resources", "type"), left("resources.type")},
		"resources.accountId":      {free("resources", "owner.account.uid"), left("resources.accountId")},
	}
	for field, expr := range map[string]string{
		"errorCode": "api.response.error", "errorMessage": "api.response.error_message", "eventType": "metadata.event_code",
		"eventVersion": "metadata.log_version", "eventCategory": "metadata.product.feature.name", "sharedEventID": "metadata.correlation_uid",
		"awsRegion": "cloud.region", "requestID": "api.request.uid", "eventID": "metadata.uid", "apiVersion": "api.version",
		"userAgent": "http_request.user_agent", "vpcEndpointId": "src_endpoint.uid", "userIdentity.accountId": "actor.user.account.uid",
		"userIdentity.identityProvider": "actor.idp.name", "userIdentity.sessionContext.sessionIssuer.arn": "actor.session.issuer",
	} {
		t[field] = []place{text(expr), leftOdd(field)}
	}
	// Where a record lacks what OCSF demands beside them, these stay.
	for field, expr := range map[string]string{"userIdentity.type": "actor.user.type", "userIdentity.principalId": "actor.user.uid_alt"} {
		t[field] = []place{text(expr), text("unmapped." + field), leftOdd(field)}
	}
	// These are copied, since their place may hold another value as well, or have none; all of them are texts.
	for _, field := range []string{
		"userIdentity.arn", "userIdentity.userName", "userIdentity.invokedBy", "userIdentity.sessionContext.sessionIssuer.userName",
		"userIdentity.sessionContext.sessionIssuer.type", "userIdentity.sessionContext.attributes.mfaAuthenticated", "recipientAccountId",
		"eventTime", "additionalEventData.MFAUsed", "tlsDetails.tlsVersion", "tlsDetails.clientProvidedHostHeader",
	} {
		t[field] = []place{text("unmapped." + field), leftOdd(field)}
	}
	return t
}
