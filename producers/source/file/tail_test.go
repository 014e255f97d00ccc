package file

import (
	"path/filepath"
	"testing"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/producers"
)

// TestAuditEventAtTheEnd: lines of one audit event are one record, and the last event of a file does not wait for the next to be written.
func TestAuditEventAtTheEnd(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.log")
	k := &sink{}
	start(t, open(t, "paths: ["+dir+"/*.log]\npoll: 20ms", producers.SourceDeps{DataDir: dir}), k)
	a, b := "type=SYSCALL msg=audit(1772366400.123:881): syscall=59", `type=CWD msg=audit(1772366400.123:881): cwd="/"`
	write(t, path, a+"\n")
	write(t, path, b+"\n")
	await.Until(t, "the event", func() bool { return k.lines()[a+"\n"+b] == 1 })
}
