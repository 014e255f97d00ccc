package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/testproc"
)

// asRiposte makes the test binary behave as the riposte binary, so that tests can run it as a process of its own and kill it.
const asRiposte = "RIPOSTE_TEST_AS_BINARY"

func TestMain(m *testing.M) {
	riposte := func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		code := Main(ctx, os.Args[1:], Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
		stop()
		os.Exit(code)
	}
	if os.Getenv(asRiposte) != "" {
		riposte()
	}
	testscript.Main(m, map[string]func(){"riposte": riposte}) // for the scripts
}

// start runs riposte with args in dir. The test kills it in the end, if nobody did before.
func start(t testing.TB, dir string, args ...string) *process {
	t.Helper()
	env := []string{asRiposte + "=1", "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_EC2_METADATA_DISABLED=true"}
	return testproc.Start(t, "riposte "+strings.Join(args, " "), os.Args[0], dir, env, args...)
}

// A process is a riposte that a test started.
type process = testproc.Process

func freeAddr(t testing.TB) string {
	t.Helper()
	return testproc.FreeAddr(t)
}

// post sends a body and returns the status, 0 if nobody answered.
func post(url, body string, header ...string) (int, string) {
	ctx, cancel := context.WithTimeout(context.Background(), await.Long)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(text)
}

// write puts a file into a folder and returns its path.
func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := fmt.Sprintf("%s/%s", dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
