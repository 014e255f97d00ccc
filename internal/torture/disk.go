package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/riposte-security/riposte/internal/proc"
)

const (
	diskSize   = "64m"
	diskEvents = 600              // of which a third is sent while the disk is full
	fullFor    = 8 * time.Second  // how long it is
	diskWait   = 90 * time.Second // for everything to be acknowledged, and to have its effect
)

const diskSettings = `
log: { level: info, format: json }
http: { listen: "${TORTURE_HTTP}" }
producers: [ { name: http, format: ocsf, source: { http: { listen: "INPUT", open: true } } } ]
router: { rules: [ rules.yaml ] }
receivers: [ { name: recorder, webhook: { url: "http://RECORDER/", unsigned: true } } ]
consumers: { attempts: 1000, backoff: { base: 200ms, max: 2s } }
`

const diskRules = `
id: torture-disk
title: An event while the disk is full, or not
severity: low
class: authentication
when: unmapped.torture.kind == "disk"
then: [ { alert: { to: recorder } } ]
`

// errNoDisk says that no disk can be filled here.
var errNoDisk = errors.New("no file system of limited size can be mounted here")

// A filling is how riposte up bore a full disk.
type filling struct {
	Acknowledged int `json:"acknowledged"`
	Refused      int `json:"refused"` // posts while the disk was full, or just after
	Keys         int `json:"idempotency_keys_seen"`
	Calls        int `json:"calls"`
}

// fillDisk runs everything in one process, on a small disk with the embedded broker and SQLite, fills that disk while events come in, kills the process
// while it is full, and makes room again. What was acknowledged has its effect once; what was not is sent again until it is.
func (w *world) fillDisk(ctx context.Context) (f filling, wrong []string, err error) {
	dir := filepath.Join(w.dir, "disk")
	disk := filepath.Join(dir, "small")
	if err := os.MkdirAll(disk, 0o700); err != nil { //nolint:gosec // our own folder
		return f, nil, fmt.Errorf("disk: %w", err)
	}
	if out, err := exec.CommandContext(ctx, "mount", "-t", "tmpfs", "-o", "size="+diskSize, "tmpfs", disk).CombinedOutput(); err != nil { //nolint:gosec // our own folder
		return f, nil, fmt.Errorf("%w: %s", errNoDisk, bytes.TrimSpace(out))
	}
	defer func() {
		if out, e := exec.CommandContext(context.WithoutCancel(ctx), "umount", "-l", disk).CombinedOutput(); e != nil { //nolint:gosec // our own folder
			err = errors.Join(err, fmt.Errorf("umount: %s", bytes.TrimSpace(out)))
		}
	}()
	rec, err := newRecorder(ctx)
	if err != nil {
		return f, nil, err
	}
	defer func() { err = errors.Join(err, rec.close()) }()
	in, err := proc.FreeAddr()
	if err != nil {
		return f, nil, err
	}
	for name, text := range map[string]string{"riposte.yaml": strings.NewReplacer("INPUT", in, "RECORDER", rec.addr).Replace(diskSettings), "rules.yaml": diskRules} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil { //nolint:gosec // our own folder
			return f, nil, fmt.Errorf("configuration: %w", err)
		}
	}
	one := newFleet(w.fleet.bin, dir, filepath.Join(dir, "riposte.yaml"), w.fleet.env...)
	up := one.add("up", extra, false, "up", "--data", filepath.Join(disk, "data"), "--port", "0")
	defer one.close()
	if err := up.start(); err != nil {
		return f, nil, err
	}
	if err := one.ready(ctx); err != nil {
		return f, nil, err
	}
	acked, refused, err := feedDisk(ctx, up, "http://"+in+"/v1/records", filepath.Join(disk, "ballast"))
	if err != nil {
		return f, nil, err
	}
	f.Acknowledged, f.Refused = len(acked), refused
	for until := time.Now().Add(diskWait); ; pause(ctx, 200*time.Millisecond) {
		if wrong = rec.against(acked, &f); len(wrong) == 0 || ctx.Err() != nil || time.Now().After(until) {
			return f, wrong, ctx.Err()
		}
	}
}

// feedDisk sends events one by one, each until it is acknowledged, fills the disk after a third of them and kills the process while it is full.
func feedDisk(ctx context.Context, up *member, url, ballast string) (acked map[string]bool, refused int, err error) {
	acked = map[string]bool{}
	client := &http.Client{Timeout: 2 * time.Second}
	defer client.CloseIdleConnections()
	f := &feeder{url: url}
	var room sync.WaitGroup
	var failed error
	defer room.Wait()
	until := time.Now().Add(diskWait)
	for n := range diskEvents {
		if n == diskEvents/3 {
			if err := fill(ballast); err != nil {
				return acked, refused, err
			}
			room.Go(func() {
				pause(ctx, fullFor/2)
				up.kill()
				_ = up.start() // on a full disk it may end again, and is started anew
				pause(ctx, fullFor/2)
				if failed = os.Remove(ballast); failed == nil { //nolint:gosec // our own file
					failed = up.start()
				}
			})
		}
		uid := fmt.Sprintf("d-%04d", n)
		body := line(time.Now(), uid, "u", "198.18.0.1", "disk", n, 0)
		for !f.accepted(ctx, client, body) {
			if refused++; ctx.Err() != nil || time.Now().After(until) {
				return acked, refused, fmt.Errorf("event %d was not acknowledged, %s after the disk had room again", n, diskWait)
			}
			pause(ctx, postAgain)
		}
		acked[uid] = true
	}
	room.Wait()
	return acked, refused, failed
}

// fill writes a file until there is no room.
func fill(path string) error {
	file, err := os.Create(path) //nolint:gosec // our own folder
	if err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	for block := make([]byte, 64<<10); len(block) > 0; {
		if _, err = file.Write(block); errors.Is(err, syscall.ENOSPC) {
			block = block[:len(block)/2]
		} else if err != nil {
			break
		}
	}
	if errors.Is(err, syscall.ENOSPC) {
		err = nil
	}
	return errors.Join(err, file.Close())
}

// against holds the effects against what was acknowledged.
func (r *recorder) against(acked map[string]bool, f *filling) (wrong []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys, about := map[string]bool{}, map[string]string{}
	for _, c := range r.effects {
		keys[c.id] = true
		if other, ok := about[c.about]; ok && other != c.id {
			wrong = append(wrong, fmt.Sprintf("event %s has the keys %s and %s", c.about, other, c.id))
		}
		about[c.about] = c.id
	}
	for uid := range acked {
		if about[uid] == "" {
			wrong = append(wrong, "event "+uid+" was acknowledged, and has no effect")
		}
	}
	f.Keys, f.Calls = len(keys), len(r.effects)
	return wrong
}
