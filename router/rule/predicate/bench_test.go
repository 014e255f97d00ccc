package predicate_test

import (
	"testing"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"github.com/riposte-security/riposte/router/rule/predicate"
)

// typical is what rules look like: equality, membership, a string operator and a list.
const typical = `api.service.name == "s3.amazonaws.com" and status_id == 1 and api.operation in ["CreateBucket", "DeleteBucketEncryption"]
	and any(resources, .uid startsWith "arn:") and not (message contains "test")`

// BenchmarkTypical evaluates the same predicate on the same decoded event with this package's closures and with expr's machine, which is
// given what makes it fast: the types, and a machine that is used again.
func BenchmarkTypical(b *testing.B) {
	env, err := predicate.Decode([]byte(event))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("closures", func(b *testing.B) {
		p := compile(b, language(b), typical)
		b.ReportAllocs()
		for b.Loop() {
			if ok, err := p.Test(env); !ok || err != nil {
				b.Fatal(ok, err)
			}
		}
	})
	b.Run("expr", func(b *testing.B) {
		theirs, _ := native(env).(map[string]any)
		program, err := expr.Compile(typical, expr.Env(theirs), expr.AsBool())
		if err != nil {
			b.Fatal(err)
		}
		var machine vm.VM
		b.ReportAllocs()
		for b.Loop() {
			if v, err := machine.Run(program, theirs); v != true || err != nil {
				b.Fatal(v, err)
			}
		}
	})
}
