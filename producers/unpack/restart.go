package unpack

// restart finds the line feed in front of a line at which reading can go on after a broken document; -1 if there is none. With lines, each
// line is a place for that.
func restart(b []byte, lines bool) int {
	for i, c := range b {
		if c == '\n' && (lines || i+1 < len(b) && begins(b[i+1])) {
			return i
		}
	}
	return -1
}

// begins tells whether a line that begins with c is a record of its own: a document, or a line of text, which else would be lost with the
// broken document in front of it. The lines of a document that is spread over several are indented, or begin with a quote or a sign of JSON.
func begins(c byte) bool {
	return c == '{' || c == '<' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}
