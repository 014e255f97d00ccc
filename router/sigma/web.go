package sigma

// web is the log source of web servers and proxies, by the W3C's names: the HTTP events of all formats. Where a format decodes a value, what was
// logged stands under unmapped by the log's own name; both are looked at, so that a rule need not know how the log encodes.
func web() source {
	table := map[string][]place{
		"cs-method":   {text("http_request.http_method"), text("activity_name").when("activity_id == 99"), column("cs-method")},
		"cs-uri-stem": {text("http_request.url.path"), column("cs-uri-stem")},
		// Some servers log the whole of what was asked for as the query, and many rules look for paths in it.
		"cs-uri-query":    {text("http_request.url.query_string"), text(pathAndQuery()), column("cs-uri-query")},
		"c-uri":           {text("http_request.url.url_string"), text(pathAndQuery()), column("c-uri"), column("cs-uri")},
		"c-uri-extension": {text(extension()).when(`http_request.url.path contains "."`)},
		"cs-user-agent":   {text("http_request.user_agent"), column("cs-user-agent"), column("cs(User-Agent)"), column("user_agent")},
		"cs-referer":      {text("http_request.referrer"), column("cs-referer"), column("cs(Referer)"), column("referer")},
		"cs-host":         {text("http_request.url.hostname"), text("dst_endpoint.hostname"), column("cs-host"), column("cs(Host)")},
		"cs-cookie":       {column("cs-cookie"), column("cs(Cookie)"), column("cookie")},
		"cs-username":     {text("actor.user.name"), text("actor.user.uid"), column("cs-username")},
		"cs-version":      {text("http_request.version"), column("cs-version"), column("cs-protocol-version")},
		"c-ip":            {text("src_endpoint.ip"), column("c-ip")},
		"s-ip":            {text("dst_endpoint.ip"), column("s-ip")},
		"c-port":          {integer("src_endpoint.port"), column("c-port")},
		"s-port":          {integer("dst_endpoint.port"), column("s-port")},
		"sc-status":       {integer("http_response.code"), column("sc-status")},
		"cs-bytes":        {integer("http_request.length"), column("cs-bytes")},
		"sc-bytes":        {integer("http_response.length"), column("sc-bytes")},
		"time-taken":      {column("time-taken"), integer("duration").when(`unmapped["time-taken"] == nil`)},
		"cs-protocol":     {text("http_request.url.scheme"), column("cs-protocol")},
		"cs-content-type": {text("http_response.content_type"), column("sc-content-type")},
		"s-computername":  {text("load_balancer.name"), text("dst_endpoint.name"), column("s-computername")},
	}
	return source{
		class:  []string{"http_activity"},
		dashed: true,
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
