package inventory

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
)

// An item is one thing that exists.
type item struct {
	kind                 string // AWS::S3::Bucket …
	id, name, arn        string
	account, region      string
	zone                 string
	created              time.Time
	tags                 map[string]string
	config, supplemental map[string]any
	unread               map[string]string
	passing              map[string]any // like supplemental, but no part of the state: it changes without anybody changing anything
}

// key names the thing, whatever its state.
func (it *item) key() string {
	return strings.Join([]string{it.account, it.region, it.kind, it.id}, "/")
}

// part notes one part of an item, as AWS answered it. With an error that only says that there is none, there is none; one that will
// not go away is noted as the reason; any other comes back.
func (it *item) part(name string, value any, err error, none ...string) error {
	switch {
	case err == nil:
		v, err := camel(value)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if v != nil {
			it.supplemental[name] = v
		}
	case slices.Contains(none, cloud.Code(err)):
	case fault.IsPermanent(err):
		it.unread[name] = err.Error()
	default:
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// record encodes the item, as it was at a time, and returns a hash of its state beside it.
func (it *item) record(at time.Time) (text []byte, state string, err error) {
	doc := map[string]any{
		"configurationItemVersion": "1.3", "configurationItemStatus": "OK",
		"awsAccountId": it.account, "awsRegion": it.region, "resourceType": it.kind, "resourceId": it.id, "ARN": it.arn, "resourceName": it.name,
		"tags": it.tags, "configuration": it.config, "supplementaryConfiguration": it.supplemental, "relationships": []any{},
	}
	if it.zone != "" {
		doc["availabilityZone"] = it.zone
	}
	if !it.created.IsZero() {
		doc["resourceCreationTime"] = it.created.UTC().Format(time.RFC3339Nano)
	}
	if len(it.unread) > 0 {
		doc["unread"] = it.unread
	}
	if state, err = hashOf(doc); err != nil {
		return nil, "", err
	}
	maps.Copy(it.supplemental, it.passing)
	doc["configurationItemCaptureTime"] = at.UTC().Format("2006-01-02T15:04:05.000Z")
	text, err = encode(doc)
	return text, state, err
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// hashOf is the same for two values that differ only in the order of lists: AWS keeps none.
func hashOf(v any) (string, error) {
	text, err := encode(v)
	if err != nil {
		return "", err
	}
	plain, err := decode(text)
	if err != nil {
		return "", err
	}
	if text, err = encode(ordered(plain)); err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16]), nil
}

func decode(text []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

func ordered(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = ordered(v[k])
		}
	case []any:
		texts := make(map[int]string, len(v))
		order := make([]int, len(v))
		for i := range v {
			v[i] = ordered(v[i])
			text, err := encode(v[i])
			if err != nil {
				return v // what was decoded can be encoded
			}
			texts[i], order[i] = string(text), i
		}
		slices.SortFunc(order, func(a, b int) int { return strings.Compare(texts[a], texts[b]) })
		sorted := make([]any, len(v))
		for i, from := range order {
			sorted[i] = v[from]
		}
		return sorted
	}
	return v
}

// camel turns an answer of the SDK into what AWS Config would write: names with a small first letter, nothing where there is nothing, and
// policy documents opened.
func camel(v any) (any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	plain, err := decode(text)
	if err != nil {
		return nil, err
	}
	return lowered(plain), nil
}

func lowered(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			if e == nil || k == "ResultMetadata" {
				continue
			}
			name := lowerFirst(k)
			if s, ok := e.(string); ok && (name == "document" || strings.HasSuffix(name, "olicyDocument")) {
				out[name] = opened(s)
				continue
			}
			out[name] = lowered(e)
		}
		return out
	case []any:
		for i := range v {
			v[i] = lowered(v[i])
		}
	}
	return v
}

// lowerFirst writes VpcId as vpcId, SSEAlgorithm as sseAlgorithm, and ARN as arn.
func lowerFirst(s string) string {
	r := []rune(s)
	for i := range r {
		if !unicode.IsUpper(r[i]) || i > 0 && i+1 < len(r) && unicode.IsLower(r[i+1]) {
			break
		}
		r[i] = unicode.ToLower(r[i])
	}
	return string(r)
}

// opened reads a policy document, which IAM sends URL-encoded; what is none stays as it is.
func opened(s string) any {
	plain, err := url.QueryUnescape(s)
	if err != nil || strings.HasPrefix(s, "{") {
		plain = s
	}
	if v, err := decode([]byte(plain)); err == nil {
		return v
	}
	return s
}
