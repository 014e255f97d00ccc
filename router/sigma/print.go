package sigma

import "strings"

// width is where lines of predicates are broken, if they can be.
const width = 120

// lines prints a predicate: parts that do not fit on one line go onto lines of their own, indented where they are in parentheses.
func (t term) lines() []string { return t.broken(width) }

func (t term) broken(room int) []string {
	one := t.one()
	if len(one) <= room || t.op == "" {
		return []string{one}
	}
	switch t.op {
	case "not":
		return t.args[0].wrapped("not", "not ", room)
	case "any":
		return t.wrapped("", "", room)
	}
	var out []string
	line := ""
	for i, a := range t.args {
		prefix := ""
		if i > 0 {
			prefix = t.op + " "
		}
		piece := prefix + a.operand(t.op)
		if line != "" && len(line)+1+len(piece) <= room {
			line += " " + piece
			continue
		}
		if line != "" {
			out = append(out, line)
		}
		line = ""
		if len(piece) <= room || a.op == "" {
			line = piece
			continue
		}
		out = append(out, a.wrapped(t.op, prefix, room)...)
	}
	if line != "" {
		out = append(out, line)
	}
	return out
}

// wrapped prints t, which is too long for a line, as a part of an expression with that operator.
func (t term) wrapped(op, prefix string, room int) []string {
	if t.op == "not" && op != "not" {
		return t.args[0].wrapped("not", prefix+"not ", room)
	}
	if t.op == "" {
		return []string{prefix + t.operand(op)}
	}
	const indent = "  "
	out := []string{prefix + "("}
	if t.op == "any" {
		out[0] = prefix + "any(" + t.text + ","
		t = t.args[0]
	}
	for _, l := range t.broken(room - len(indent)) {
		out = append(out, indent+l)
	}
	return append(out, ")")
}

// one prints on one line.
func (t term) one() string {
	switch t.op {
	case "not":
		return "not " + t.args[0].operand("not")
	case "any":
		return "any(" + t.text + ", " + t.args[0].one() + ")"
	case "":
		return t.text
	}
	parts := make([]string, len(t.args))
	for i, a := range t.args {
		parts[i] = a.operand(t.op)
	}
	return strings.Join(parts, " "+t.op+" ")
}

// operand prints t as a part of an expression with that operator. What not is before, always stands in parentheses: it binds more than ==.
func (t term) operand(op string) string {
	switch t.op {
	case "any":
		return t.one()
	case "":
		if op != "not" || call(t.text) || t.text == "true" || t.text == "false" {
			return t.one()
		}
	case "not", op:
		if op != "not" {
			return t.one()
		}
	}
	return "(" + t.one() + ")"
}

// call tells whether a text is one call: any(…).
func call(text string) bool {
	open := strings.IndexByte(text, '(')
	return open > 0 && strings.Trim(text[:open], "abcdefghijklmnopqrstuvwxyz") == "" && strings.HasSuffix(text, ")") && !strings.Contains(text[:open], " ") &&
		balanced(text[open:])
}

// balanced tells whether the parenthesis that the text begins with closes at its end.
func balanced(text string) bool {
	depth := 0
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				return i == len(text)-1
			}
		}
	}
	return false
}

// String prints the term as one call to leaf has it.
func (t term) String() string { return t.one() }
