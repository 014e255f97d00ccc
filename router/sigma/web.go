package sigma

// web is the log source of web servers and proxies, by the W3C's names: the HTTP events of all formats. Where a format decodes a value, what was
// logged stands under unmapped by the log's own name; both are looked at, so that a rule need not know how the log encodes.
func web() source {
	table := map[string][]place{
		"cs-method":       {text("http_request.http_method"), text("activity_name").when("activity_id == 99"), left("cs-method")},
		"cs-uri-stem":     {text("http_request.url.path"), left("cs-uri-stem")},
		"cs-uri-query":    {text("http_request.url.query_string"), left("cs-uri-query")},
		"c-uri":           {text("http_request.url.url_string"), text(pathAndQuery()).when("http_request.url.url_string == nil"), left("c-uri"), left("cs-uri")},
		"c-uri-extension": {text(extension()).when(`http_request.url.path contains "."`)},
		"cs-user-agent":   {text("http_request.user_agent"), left("cs-user-agent"), left("cs(User-Agent)"), left("user_agent")},
		"cs-referer":      {text("http_request.referrer"), left("cs-referer"), left("cs(Referer)"), left("referer")},
		"cs-host":         {text("http_request.url.hostname"), text("dst_endpoint.hostname"), left("cs-host"), left("cs(Host)")},
		"cs-cookie":       {left("cs-cookie"), left("cs(Cookie)"), left("cookie")},
		"cs-username":     {text("actor.user.name"), text("actor.user.uid"), left("cs-username")},
		"cs-version":      {text("http_request.version"), left("cs-version"), left("cs-protocol-version")},
		"c-ip":            {text("src_endpoint.ip"), left("c-ip")},
		"s-ip":            {text("dst_endpoint.ip"), left("s-ip")},
		"c-port":          {integer("src_endpoint.port"), left("c-port")},
		"s-port":          {integer("dst_endpoint.port"), left("s-port")},
		"sc-status":       {integer("http_response.code"), left("sc-status")},
		"cs-bytes":        {integer("http_request.length"), left("cs-bytes")},
		"sc-bytes":        {integer("http_response.length"), left("sc-bytes")},
		"time-taken":      {left("time-taken"), integer("duration").when(`unmapped["time-taken"] == nil`)},
		"cs-protocol":     {text("http_request.url.scheme"), left("cs-protocol")},
		"cs-content-type": {text("http_response.content_type"), left("sc-content-type")},
		"s-computername":  {text("load_balancer.name"), text("dst_endpoint.name"), left("s-computername")},
	}
	return source{
		class: []string{"http_activity"},
		field: func(name string) ([]place, error) {
			if long, ok := webNames()[name]; ok {
				name = long
			}
			return mapped(table, name, func(name string) []place { return []place{left(name)} }), nil
		},
		words: []string{"http_request", "http_response.code", "src_endpoint", "dst_endpoint", "actor.user", "unmapped"},
	}
}

// webNames are other spellings that rules use.
func webNames() map[string]string {
	return map[string]string{
		"c-useragent": "cs-user-agent", "cs-useragent": "cs-user-agent", "c-user-agent": "cs-user-agent", "user-agent": "cs-user-agent", "useragent": "cs-user-agent",
		"c-uri-query": "cs-uri-query", "c-uri-stem": "cs-uri-stem", "c-uri-path": "cs-uri-stem", "cs-uri-path": "cs-uri-stem", "cs-uri": "c-uri", "uri": "c-uri", "url": "c-uri",
		"cs-referrer": "cs-referer", "c-referer": "cs-referer", "referer": "cs-referer", "r-dns": "cs-host", "host": "cs-host", "src_ip": "c-ip", "clientip": "c-ip",
		"dst_ip": "s-ip", "dst_port": "s-port", "src_port": "c-port", "method": "cs-method", "status": "sc-status", "response": "sc-status", "c-method": "cs-method",
		"http_method": "cs-method", "c-cookie": "cs-cookie", "sc-bytes-sent": "sc-bytes",
	}
}

func pathAndQuery() string {
	return `(http_request.url.query_string == nil ? http_request.url.path : http_request.url.path + "?" + http_request.url.query_string)`
}

func extension() string { return `last(split(last(split(http_request.url.path, "/")), "."))` }
