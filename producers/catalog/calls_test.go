package catalog_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const (
	module   = "github.com/riposte-security/riposte/"
	services = "github.com/aws/aws-sdk-go-v2/service/"
)

// A call is an operation of the SDK's package of a service.
type call struct{ service, operation string }

// A reader finds what AWS is asked for in source text: it sees also what happens only when something goes wrong, as no test of a running source does. Every operation
// has an input of its own, GetObjectInput of GetObject: text that mentions it makes the call, and so does text that names a method that an interface declares with it.
// What an interface declares and nobody calls is no call. STS is asked by internal/cloud, which is not read: who we are needs no permission.
type reader struct {
	root     string // of the module
	read     map[string]bool
	declared map[string][]call // by name: methods of interfaces
	named    map[string]string // what follows a dot anywhere, with a place
	calls    map[call]string   // with a place
}

// callsOf reads the package in dir, and those of the producers that it imports.
func callsOf(root, dir string) (map[call]string, error) {
	r := reader{root: root, read: map[string]bool{}, declared: map[string][]call{}, named: map[string]string{}, calls: map[call]string{}}
	if err := r.dir(dir); err != nil {
		return nil, err
	}
	for name, operations := range r.declared {
		place, called := r.named[name]
		for _, c := range operations {
			if _, known := r.calls[c]; called && !known {
				r.calls[c] = place
			}
		}
	}
	return r.calls, nil
}

func (r *reader) dir(dir string) error {
	if r.read[dir] {
		return nil
	}
	r.read[dir] = true
	files, err := filepath.Glob(filepath.Join(r.root, dir, "*.go"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("%s: no source text", dir)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		if err := r.file(name); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) file(name string) error {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	imported := map[string]string{} // services, by the names that they have in the file
	for _, spec := range f.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		if ours, ok := strings.CutPrefix(path, module); ok && strings.HasPrefix(ours, "producers") {
			if err := r.dir(ours); err != nil {
				return err
			}
		}
		if service, ok := strings.CutPrefix(path, services); ok && !strings.Contains(service, "/") {
			local := service
			if spec.Name != nil {
				local = spec.Name.Name
			}
			imported[local] = service
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.InterfaceType:
			for _, m := range n.Methods.List {
				r.method(m, imported)
			}
			return false
		case *ast.SelectorExpr:
			place := set.Position(n.Pos()).String()
			r.named[n.Sel.Name] = place
			if c, ok := inputOf(n, imported); ok {
				r.calls[c] = place
			}
		}
		return true
	})
	return nil
}

// method notes a method of an interface that is an operation.
func (r *reader) method(m *ast.Field, imported map[string]string) {
	signature, ok := m.Type.(*ast.FuncType)
	if !ok {
		return
	}
	for _, p := range signature.Params.List {
		if star, ok := p.Type.(*ast.StarExpr); ok {
			if c, ok := inputOf(star.X, imported); ok {
				r.declared[m.Names[0].Name] = append(r.declared[m.Names[0].Name], c)
			}
		}
	}
}

// inputOf tells of which operation a type is the input.
func inputOf(x ast.Expr, imported map[string]string) (call, bool) {
	s, ok := x.(*ast.SelectorExpr)
	if !ok {
		return call{}, false
	}
	pkg, ok := s.X.(*ast.Ident)
	if !ok {
		return call{}, false
	}
	service, known := imported[pkg.Name]
	operation, input := strings.CutSuffix(s.Sel.Name, "Input")
	return call{service, operation}, known && input
}

// TestCallsOf: what is found, and what is not taken for a call.
func TestCallsOf(t *testing.T) {
	const head = "package p\nimport (\n\"context\"\n\"" + services + "s3\"\nq \"" + services + "sqs\"\n\"" + services + "s3/types\"\n)\n"
	for name, c := range map[string]struct {
		text string
		want call // none: nothing is called
	}{
		"an input":              {"func f(c *s3.Client) { c.HeadBucket(nil, &s3.HeadBucketInput{}) }", call{"s3", "HeadBucket"}},
		"under another name":    {"var in q.ReceiveMessageInput", call{"sqs", "ReceiveMessage"}},
		"of a paginator":        {"var p = s3.NewListObjectsV2Paginator(nil, &s3.ListObjectsV2Input{})", call{"s3", "ListObjectsV2"}},
		"no input":              {"type a interface{ ListBuckets(context.Context, *s3.ListBucketsInput) }\nfunc f(c a) { c.ListBuckets(nil, nil) }", call{"s3", "ListBuckets"}},
		"a method as a value":   {"type a interface{ ListBuckets(context.Context, *s3.ListBucketsInput) }\nfunc f(c a) any { return c.ListBuckets }", call{"s3", "ListBuckets"}},
		"declared alone":        {"type a interface{ ListBuckets(context.Context, *s3.ListBucketsInput) }", call{}},
		"a type of a service":   {"var x types.SomethingInput", call{}},
		"an input of one's own": {"var x struct{ s3Input string }\nvar y = x.s3Input", call{}},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			if err := os.WriteFile(filepath.Join(root, "p.go"), []byte(head+c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, "p_test.go"), []byte("package p\nno Go"), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := callsOf(root, ".")
			if err != nil {
				t.Fatal(err)
			}
			_, found := got[c.want]
			if none := c.want == (call{}); none && len(got) > 0 || !none && (len(got) != 1 || !found) {
				t.Errorf("%v; %v expected", got, c.want)
			}
		})
	}
	if _, err := callsOf(t.TempDir(), "producers/none"); err == nil {
		t.Error("a source without text")
	}
}
