package app

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the command line as people do: testdata/script holds a session a file.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("AWS_REGION", "us-east-1")
			e.Setenv("SOON", time.Now().AddDate(0, 1, 0).UTC().Format(time.RFC3339))
			rules, err := filepath.Abs("../../rules")
			e.Setenv("RULES", rules)
			examples, err2 := filepath.Abs("../../examples")
			e.Setenv("EXAMPLES", examples)
			return errors.Join(err, err2)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			// expand FILE: what the file says of $SOON, a month from now, becomes that time.
			"expand": func(ts *testscript.TestScript, _ bool, args []string) {
				text := strings.ReplaceAll(ts.ReadFile(args[0]), "$SOON", ts.Getenv("SOON"))
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
			},
			// code N COMMAND ARG…: the command ends with that code.
			"code": func(ts *testscript.TestScript, _ bool, args []string) {
				code := 0
				var exit *exec.ExitError
				switch err := ts.Exec(args[1], args[2:]...); {
				case errors.As(err, &exit):
					code = exit.ExitCode()
				default:
					ts.Check(err)
				}
				if args[0] != strconv.Itoa(code) {
					ts.Fatalf("%s ended with %d, want %s", args[1], code, args[0])
				}
			},
		},
	})
}
