package sigma

import "strings"

// kubernetes is the log source of Kubernetes' audit events, by their own names. The package producers/format/k8saudit says where they go.
func kubernetes() source {
	table := kubernetesFields()
	return source{
		guard: []string{`metadata.log_name == "k8saudit"`},
		field: func(name string) ([]place, error) {
			if long, ok := kubernetesShort()[name]; ok {
				name = long
			}
			for prefix, data := range map[string]string{"requestObject": "api.request.data", "responseObject": "api.response.data"} {
				if name == prefix {
					return []place{free(data, ""), leftOdd(name)}, nil
				}
				if rest, ok := strings.CutPrefix(name, prefix+"."); ok {
					return []place{free(data, rest)}, nil
				}
			}
			return mapped(table, name, func(name string) []place { return []place{left(name)} }), nil
		},
		words: append(movedTo(table), "actor.user.groups", "src_endpoint.intermediate_ips", "http_response.code", "api.request.data", "api.response.data", "unmapped"),
	}
}

// kubernetesShort are names that rules use for members that lie deeper.
func kubernetesShort() map[string]string {
	return map[string]string{
		"apiGroup": "objectRef.apiGroup", "resource": "objectRef.resource", "subresource": "objectRef.subresource", "namespace": "objectRef.namespace",
		"username": "user.username", "capabilities": "requestObject.spec.containers.securityContext.capabilities.add",
		"hostPath": "requestObject.spec.volumes.hostPath", "privileged": "requestObject.spec.containers.securityContext.privileged",
	}
}

func kubernetesFields() map[string][]place {
	t := map[string][]place{
		"responseStatus.code": {integer("http_response.code"), left("responseStatus.code")},
		"responseStatus.message": {
			text("api.response.error_message"), text("api.response.message"), leftOdd("responseStatus.message"),
		},
		"user.groups":                               {free("actor.user.groups", "name"), left("user.groups")},
		"sourceIPs":                                 {text("src_endpoint.ip"), free("src_endpoint.intermediate_ips", ""), left("sourceIPs"), text("src_endpoint.name")},
		"user.extra.arn":                            {text("actor.user.uid_alt"), left("user.extra.arn")},
		"user.extra.accessKeyId":                    {text("actor.session.credential_uid"), left("user.extra.accessKeyId")},
		"user.extra.sessionName":                    {text("actor.session.uid"), left("user.extra.sessionName")},
		"responseStatus.reason":                     {text("api.response.error"), left("responseStatus.reason")},
		"responseStatus.status":                     {text("http_response.status"), left("responseStatus.status")},
		"objectRef.resource":                        {text("unmapped.objectRef.resource"), leftOdd("objectRef.resource")},
		"objectRef.subresource":                     {text("unmapped.objectRef.subresource"), leftOdd("objectRef.subresource")},
		"objectRef.name":                            {text("unmapped.objectRef.name"), leftOdd("objectRef.name")},
		"requestURI":                                {text("http_request.url.path").but("unmapped.requestURI"), text("unmapped.requestURI"), leftOdd("requestURI")},
		"annotations.authorization.k8s.io/decision": {free("actor.authorizations", "decision"), left("annotations.authorization.k8s.io/decision")},
		"annotations.authorization.k8s.io/reason":   {free("actor.authorizations", "policy.desc"), left("annotations.authorization.k8s.io/reason")},
		"stageTimestamp":                            {text("unmapped.stageTimestamp"), leftOdd("stageTimestamp")},
		"requestReceivedTimestamp":                  {text("unmapped.requestReceivedTimestamp"), leftOdd("requestReceivedTimestamp")},
	}
	for field, expr := range map[string]string{
		"verb": "api.operation", "auditID": "api.request.uid", "stage": "metadata.event_code", "level": "metadata.log_level",
		"apiVersion": "metadata.log_version", "userAgent": "http_request.user_agent", "user.username": "actor.user.name", "user.uid": "actor.user.uid",
		"objectRef.apiGroup": "api.group.name", "objectRef.apiVersion": "api.version",
	} {
		t[field] = []place{text(expr), leftOdd(field)}
	}
	// Without a resource these have no place.
	for field, expr := range map[string]string{
		"objectRef.namespace": "resources[0].namespace", "objectRef.uid": "resources[0].uid", "objectRef.resourceVersion": "resources[0].version",
	} {
		t[field] = []place{text(expr), text("unmapped." + field), leftOdd(field)}
	}
	return t
}
