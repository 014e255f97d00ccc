package sigma

// dns is the log source of DNS queries, whichever format has them.
func dns() source {
	table := map[string][]place{
		"query":       {text("query.hostname"), column("query_name"), column("query-name"), column("name"), text("unmapped.dns.rrname")},
		"record_type": {text("query.type"), column("query_type")},
		"class":       {text("query.class"), column("query_class")},
		"answer":      {free("answers", "rdata"), left("answers")},
		"rcode":       {text("rcode"), column("rcode")},
		"src_ip":      {text("src_endpoint.ip"), column("srcaddr")},
		"src_port":    {integer("src_endpoint.port"), column("srcport")},
		"dst_ip":      {text("dst_endpoint.ip")},
		"dst_port":    {integer("dst_endpoint.port")},
		"protocol":    {text("connection_info.protocol_name"), column("transport"), column("protocol")},
	}
	names := map[string]string{
		"QueryName": "query", "dns.question.name": "query", "query_name": "query", "dns_query": "query", "dns_query_name": "query", "question": "query", "r-dns": "query",
		"dns.question.type": "record_type", "QueryType": "record_type", "qtype_name": "record_type", "query_type": "record_type", "record_class": "class",
		"dns.question.class": "class", "qclass_name": "class", "answers": "answer", "QueryResults": "answer", "dns.answers.data": "answer", "parent_domain": "query",
		"rcode_name": "rcode", "dns.response.code": "rcode", "response_code": "rcode", "source.ip": "src_ip", "SourceIp": "src_ip", "id.orig_h": "src_ip",
		"source.port": "src_port", "id.orig_p": "src_port", "destination.ip": "dst_ip", "id.resp_h": "dst_ip", "destination.port": "dst_port", "id.resp_p": "dst_port",
	}
	return source{
		class: []string{"dns_activity"},
		field: renamed(table, names),
		words: []string{"query.hostname", "query.type", "answers", "rcode", "src_endpoint", "dst_endpoint", "unmapped"},
	}
}

// firewall is the log source of connections and what became of them: flow logs, netfilter, Suricata.
func firewall() source {
	table := map[string][]place{
		"src_ip":     {text("src_endpoint.ip"), column("srcaddr")},
		"dst_ip":     {text("dst_endpoint.ip"), column("dstaddr")},
		"src_port":   {integer("src_endpoint.port"), column("srcport")},
		"dst_port":   {integer("dst_endpoint.port"), column("dstport")},
		"src_host":   {text("src_endpoint.hostname")},
		"dst_host":   {text("dst_endpoint.hostname")},
		"action":     {column("action"), text("action")},
		"protocol":   {text("connection_info.protocol_name").but("unmapped.proto"), integer("connection_info.protocol_num"), column("protocol"), column("proto")},
		"app":        {text("app_protocol_name"), column("app_proto")},
		"bytes":      {integer("traffic.bytes"), column("bytes")},
		"packets":    {integer("traffic.packets"), column("packets")},
		"src_bytes":  {integer("traffic.bytes_out")},
		"dst_bytes":  {integer("traffic.bytes_in")},
		"username":   {text("actor.user.name"), column("username")},
		"direction":  {text("connection_info.direction"), column("flow-direction")},
		"account-id": {text("cloud.account.uid"), column("account-id")},
		"tcp-flags":  {integer("connection_info.tcp_flags"), column("tcp-flags")},
		"log-status": {text("status_code"), column("log-status")},
		"vpc-id":     {text("dst_endpoint.vpc_uid"), text("src_endpoint.vpc_uid"), column("vpc-id")},
	}
	for _, f := range []string{"interface-id", "instance-id", "subnet-id"} {
		name := map[string]string{"interface-id": "interface_uid", "instance-id": "instance_uid", "subnet-id": "subnet_uid"}[f]
		table[f] = []place{text("dst_endpoint." + name), text("src_endpoint." + name), column(f)}
	}
	names := map[string]string{
		"source.ip": "src_ip", "SourceIp": "src_ip", "id.orig_h": "src_ip", "srcaddr": "src_ip", "srcip": "src_ip", "destination.ip": "dst_ip", "DestinationIp": "dst_ip",
		"id.resp_h": "dst_ip", "dstaddr": "dst_ip", "dstip": "dst_ip", "source.port": "src_port", "id.orig_p": "src_port", "srcport": "src_port",
		"destination.port": "dst_port", "DestinationPort": "dst_port", "id.resp_p": "dst_port", "dstport": "dst_port", "network.transport": "protocol",
		"proto": "protocol", "network.protocol": "app", "service": "app", "source.bytes": "src_bytes", "orig_bytes": "src_bytes", "destination.bytes": "dst_bytes",
		"resp_bytes": "dst_bytes", "network.bytes": "bytes", "flow-direction": "direction", "flow_direction": "direction", "account_id": "account-id",
		"interface_id": "interface-id", "instance_id": "instance-id", "subnet_id": "subnet-id", "vpc_id": "vpc-id", "tcp_flags": "tcp-flags", "log_status": "log-status",
		"user": "username", "dst_hostname": "dst_host", "src_hostname": "src_host",
	}
	return source{
		class: []string{"network_activity"},
		field: renamed(table, names),
		words: []string{"src_endpoint", "dst_endpoint", "connection_info", "traffic", "message", "unmapped"},
	}
}

// flowLog is the log source of VPC flow logs by their own names. Numbers stand under unmapped as well, as they were logged.
func flowLog() source {
	s := firewall()
	s.guard = []string{`metadata.log_name == "vpcflow"`}
	s.dashed = true
	other := s.field
	s.field = func(name string) ([]place, error) {
		switch name {
		case "action", "protocol", "start", "end", "type":
			return []place{column(name)}, nil
		case "version":
			return []place{text("metadata.log_version")}, nil
		}
		return other(name)
	}
	return s
}

// renamed finds places by several names for a field.
func renamed(table map[string][]place, names map[string]string) func(string) ([]place, error) {
	return func(name string) ([]place, error) {
		if long, ok := names[name]; ok {
			name = long
		}
		return mapped(table, name, func(name string) []place { return []place{left(name)} }), nil
	}
}
