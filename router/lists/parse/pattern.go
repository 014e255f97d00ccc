package parse

import (
	"errors"
	"slices"
	"strings"

	"github.com/riposte-security/riposte/router/lists/set"
)

// An observable is one value that a pattern asks for.
type observable struct {
	kind  set.Kind
	value string
}

// Reasons why a pattern cannot be a part of a list. They are few, since they are counted.
var (
	errSyntax   = errors.New("pattern is malformed")
	errBeyond   = errors.New("pattern asks for more than one observable") // several observations, qualifiers, AND of different things
	errOperator = errors.New("pattern has an operator other than =, IN and ISSUBSET")
	errObject   = errors.New("pattern asks for an object that no list holds")
)

// observables reads a STIX pattern (STIX 2.1, 9) as far as it says "one of these values": comparisons for equality joined by OR, also over
// several observations. AND is understood between hashes of one file, each of which names the file. Everything else is refused: to read it
// by halves would match what was not meant.
func observables(pattern string) ([]observable, error) {
	const longest, deepest = 64 << 10, 50
	if len(pattern) > longest {
		return nil, errBeyond
	}
	p := patternReader{tokens: patternTokens(pattern), depth: deepest}
	if p.tokens == nil {
		return nil, errSyntax
	}
	out, err := p.observations()
	if err != nil {
		return nil, err
	}
	if p.peek() != "" {
		switch strings.ToUpper(p.peek()) {
		case "AND", "FOLLOWEDBY", "WITHIN", "REPEATS", "START":
			return nil, errBeyond
		}
		return nil, errSyntax
	}
	return out, nil
}

type patternReader struct {
	tokens []string
	depth  int
}

func (p *patternReader) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *patternReader) next() string {
	t := p.peek()
	if len(p.tokens) > 0 {
		p.tokens = p.tokens[1:]
	}
	return t
}

func (p *patternReader) take(word string) bool {
	if strings.EqualFold(p.peek(), word) {
		p.next()
		return true
	}
	return false
}

// observations reads [ … ] OR [ … ] OR ( … ).
func (p *patternReader) observations() ([]observable, error) {
	if p.depth--; p.depth < 0 {
		return nil, errBeyond
	}
	defer func() { p.depth++ }()
	var out []observable
	for {
		var found []observable
		var err error
		closing := "]"
		switch {
		case p.take("["):
			found, err = p.alternatives()
		case p.take("("):
			closing = ")"
			found, err = p.observations()
		default:
			err = errSyntax
		}
		if err != nil {
			return nil, err
		}
		if !p.take(closing) {
			return nil, p.wrong()
		}
		out = append(out, found...)
		if !p.take("OR") {
			return out, nil
		}
	}
}

// wrong tells why what stands here does not: it is malformed, or more than a list can say.
func (p *patternReader) wrong() error {
	switch strings.ToUpper(p.peek()) {
	case "AND", "FOLLOWEDBY", "WITHIN", "REPEATS", "START":
		return errBeyond
	}
	return errSyntax
}

// alternatives reads comparisons joined by OR; AND binds tighter.
func (p *patternReader) alternatives() ([]observable, error) {
	if p.depth--; p.depth < 0 {
		return nil, errBeyond
	}
	defer func() { p.depth++ }()
	var out []observable
	for {
		found, err := p.conjunction()
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
		if !p.take("OR") {
			return out, nil
		}
	}
}

// conjunction reads comparisons joined by AND: several hashes of one file are names of it.
func (p *patternReader) conjunction() ([]observable, error) {
	out, err := p.comparison()
	if err != nil {
		return nil, err
	}
	single := len(out) == 1
	for p.take("AND") {
		more, err := p.comparison()
		if err != nil {
			return nil, err
		}
		if !single || len(more) != 1 || !sameFile(out, more[0]) {
			return nil, errBeyond
		}
		out = append(out, more[0])
	}
	return out, nil
}

// sameFile tells whether a file can have all these digests: each is by a function of its own.
func sameFile(digests []observable, another observable) bool {
	for _, o := range append(slices.Clone(digests), another) {
		if o.kind != set.Hash {
			return false
		}
	}
	return !slices.ContainsFunc(digests, func(o observable) bool {
		return len(o.value) == len(another.value) && !strings.EqualFold(o.value, another.value)
	})
}

// comparison reads path = 'value', path IN ('a', 'b'), path ISSUBSET 'network', or ( … ).
func (p *patternReader) comparison() ([]observable, error) {
	if p.take("(") {
		out, err := p.alternatives()
		if err != nil {
			return nil, err
		}
		if !p.take(")") {
			return nil, p.wrong()
		}
		return out, nil
	}
	kind, err := objectKind(p.next())
	if err != nil {
		return nil, err
	}
	switch op := strings.ToUpper(p.next()); {
	case op == "=" || op == "==" || op == "ISSUBSET" && kind == set.IP:
		v, ok := literal(p.next())
		if !ok {
			return nil, errSyntax
		}
		return []observable{{kind, v}}, nil
	case op == "IN":
		return p.values(kind)
	case op == "":
		return nil, errSyntax
	}
	return nil, errOperator
}

func (p *patternReader) values(kind set.Kind) ([]observable, error) {
	if !p.take("(") {
		return nil, errSyntax
	}
	var out []observable
	for {
		v, ok := literal(p.next())
		if !ok {
			return nil, errSyntax
		}
		out = append(out, observable{kind, v})
		if p.take(")") {
			return out, nil
		}
		if !p.take(",") {
			return nil, errSyntax
		}
	}
}

// objectKind tells what a path asks for: file:hashes.MD5, file:hashes.'SHA-256', ipv4-addr:value …
func objectKind(path string) (set.Kind, error) {
	if !strings.Contains(path, ":") {
		return "", errSyntax
	}
	switch path {
	case "ipv4-addr:value", "ipv6-addr:value":
		return set.IP, nil
	case "domain-name:value":
		return set.Domain, nil
	case "url:value":
		return set.String, nil
	}
	name, ok := strings.CutPrefix(path, "file:hashes.")
	if !ok {
		return "", errObject
	}
	switch strings.ReplaceAll(strings.ToUpper(strings.Trim(name, `'"`)), "-", "") {
	case "MD5", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512":
		return set.Hash, nil
	}
	return "", errObject
}

// literal reads a string in quotes, with \' and \\ in it.
func literal(token string) (string, bool) {
	if len(token) < 2 || token[0] != '\'' {
		return "", false
	}
	var b strings.Builder
	inner := token[1 : len(token)-1]
	for i := 0; i < len(inner); i++ {
		if inner[i] == '\\' && i+1 < len(inner) {
			i++
		}
		b.WriteByte(inner[i])
	}
	return b.String(), true
}

// patternTokens cuts a pattern into words, strings in quotes and signs; nil if a string does not end.
func patternTokens(s string) []string {
	tokens := []string{}
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case strings.IndexByte("[](),", c) >= 0:
			tokens = append(tokens, s[i:i+1])
			i++
		case strings.IndexByte("=!<>", c) >= 0:
			end := i + 1
			for end < len(s) && strings.IndexByte("=!<>", s[end]) >= 0 {
				end++
			}
			tokens = append(tokens, s[i:end])
			i = end
		default:
			end := wordEnd(s, i)
			if end < 0 {
				return nil
			}
			tokens = append(tokens, s[i:end])
			i = end
		}
	}
	return tokens
}

// wordEnd finds the end of a string in quotes, or of a word, which may have quotes in it: file:hashes.'SHA-256'.
func wordEnd(s string, i int) int {
	quoted := s[i] == '\''
	for i < len(s) {
		switch c := s[i]; {
		case c == '\'':
			if i = quoteEnd(s, i+1); i < 0 || quoted {
				return i
			}
		case strings.IndexByte(" \t\r\n[](),=!<>", c) >= 0:
			return i
		default:
			i++
		}
	}
	return i
}

// quoteEnd finds what follows the quote that ends a string; -1 if there is none.
func quoteEnd(s string, i int) int {
	for ; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '\'':
			return i + 1
		}
	}
	return -1
}
