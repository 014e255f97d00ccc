package lists

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/callout"
	"github.com/riposte-security/riposte/internal/fault"
)

// remote is a list over HTTP. What it fetches goes into a file first, so that a body that breaks off or is too large never becomes a copy.
type remote struct {
	conf   HTTPConfig
	client *http.Client
	store  store
	log    zerolog.Logger
	now    func() time.Time

	kept    meta // of the last good copy
	pending meta // of the copy that is being taken
	bad     meta // of the last copy that was refused
	began   bool // the copy on disk has been looked at
}

func newRemote(name string, conf HTTPConfig, dir string, log zerolog.Logger, now func() time.Time) *remote {
	r := &remote{conf: conf, log: log, now: now, store: store{dir: dir, name: name}}
	dial := callout.Policy{AllowLoopback: conf.AllowLoopback, AllowLinkLocal: conf.AllowLinkLocal}.Named().Dial
	r.client = &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dial, ForceAttemptHTTP2: true,
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, TLSHandshakeTimeout: 10 * time.Second,
			MaxResponseHeaderBytes: 64 << 10, IdleConnTimeout: time.Minute, // the context of each request has its timeout
		},
		CheckRedirect: r.redirect,
	}
	return r
}

// redirect follows a few redirects, never from https to http, and takes the configured headers to no other host.
func (r *remote) redirect(req *http.Request, via []*http.Request) error {
	const most = 5
	if len(via) > most {
		return fmt.Errorf("more than %d redirects", most)
	}
	if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return errors.New("a redirect from https to http")
	}
	if callout.Local(req.URL.Hostname()) && !callout.Local(via[0].URL.Hostname()) && !r.conf.AllowLoopback {
		return fault.Permanent(errors.New("a redirect to this machine; allow_loopback permits it"))
	}
	if req.URL.Host != via[0].URL.Host {
		for name := range r.conf.Headers {
			req.Header.Del(name)
		}
	}
	return nil
}

// where names scheme and host: path and query may hold a key.
func (r *remote) where() string {
	u, err := url.Parse(r.conf.URL)
	if err != nil {
		return "http"
	}
	return u.Scheme + "://" + u.Host
}

func (r *remote) changed(context.Context) <-chan struct{} { return nil }

// refused lets the same bytes not be read again and again.
func (r *remote) refused() { r.bad = r.pending }

// fetch gives the copy on disk first, and from then on what the server has if that is something else.
func (r *remote) fetch(ctx context.Context) (*copied, time.Time, error) {
	if !r.began {
		r.began = true
		c, err := r.stored()
		if err = errors.Join(err, r.store.sweep()); err != nil { // nothing is lost: the server has it
			r.log.Warn().Err(err).Str("list", r.store.name).Msg("the copy on disk cannot be used")
		}
		if c != nil {
			return c, time.Time{}, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, r.conf.Timeout)
	defer cancel()
	res, err := r.ask(ctx)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer res.Body.Close() //nolint:errcheck // only read
	now := r.now()
	switch res.StatusCode {
	case http.StatusOK:
	case http.StatusNotModified:
		r.kept.Confirmed = now
		return nil, now, r.store.note(r.kept)
	default:
		err := fmt.Errorf("the server answers %s", res.Status)
		if s, parse := strconv.Atoi(res.Header.Get("Retry-After")); parse == nil && s > 0 {
			err = fault.After(err, min(time.Duration(s)*time.Second, time.Hour))
		}
		return nil, time.Time{}, err
	}
	return r.download(res, now)
}

// stored opens the copy that an earlier process has kept.
func (r *remote) stored() (*copied, error) {
	m, f, err := r.store.open()
	if err != nil {
		return nil, err
	}
	if f == nil || m.Source != r.source() {
		if f != nil {
			return nil, f.Close()
		}
		return nil, nil
	}
	r.pending = m
	return &copied{ReadCloser: f, at: m.Confirmed, again: true, keep: func() error { r.kept = m; return nil }}, nil
}

func (r *remote) ask(ctx context.Context) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.conf.URL, http.NoBody)
	if err != nil {
		return nil, withoutURL(err)
	}
	req.Header.Set("User-Agent", "riposte")
	for name, value := range r.conf.Headers {
		req.Header.Set(name, value)
	}
	if r.kept.ETag != "" {
		req.Header.Set("If-None-Match", r.kept.ETag)
	}
	if r.kept.LastModified != "" {
		req.Header.Set("If-Modified-Since", r.kept.LastModified)
	}
	res, err := r.client.Do(req)
	if err != nil {
		return nil, withoutURL(err)
	}
	return res, nil
}

// withoutURL takes the address out of an error: its path and query may be a secret. It says what was a timeout, however that came to be.
func withoutURL(err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		if ue.Timeout() {
			return fmt.Errorf("timeout: %w", ue.Err)
		}
		return ue.Err
	}
	return err
}

// download writes the body to a file beside the one that is kept, and hands that over.
func (r *remote) download(res *http.Response, now time.Time) (*copied, time.Time, error) {
	m := meta{Source: r.source(), ETag: res.Header.Get("ETag"), LastModified: res.Header.Get("Last-Modified"), Confirmed: now}
	f, err := r.store.create()
	if err != nil {
		return nil, now, err
	}
	m.Bytes, m.Digest, err = digestCopy(f, io.LimitReader(res.Body, r.conf.MaxBytes+1))
	switch {
	case err != nil:
		err = fmt.Errorf("reading the answer: %w", withoutURL(err))
	case m.Bytes > r.conf.MaxBytes:
		err = fmt.Errorf("the answer is larger than %d bytes (max_bytes)", r.conf.MaxBytes)
	case m.Digest == r.kept.Digest: // a server without conditions
		r.kept = m
		return nil, now, errors.Join(discard(f), r.store.note(m))
	case m.Digest == r.bad.Digest:
		err = errors.New("the server still has the copy that was refused")
	default:
		if err = f.Sync(); err == nil {
			_, err = f.Seek(0, io.SeekStart)
		}
	}
	if err != nil {
		return nil, now, errors.Join(err, discard(f))
	}
	r.pending = m
	return &copied{ReadCloser: &unlinked{f}, at: now, keep: func() error {
		if err := r.store.keep(f.Name(), m); err != nil {
			return err
		}
		r.kept = m
		return nil
	}}, now, nil
}

// source tells copies of one address from those of another, without showing it.
func (r *remote) source() string { return digestOf(r.conf.URL) }

// unlinked is a file that is gone when it is closed, unless it was kept.
type unlinked struct{ *os.File }

// Close closes and removes the file.
func (u *unlinked) Close() error {
	err := u.File.Close()
	if gone := os.Remove(u.Name()); gone != nil && !errors.Is(gone, os.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}

func discard(f *os.File) error { return (&unlinked{f}).Close() }

// base is the last element of the address's path: it tells the format.
func (c HTTPConfig) base() string {
	u, err := url.Parse(c.URL)
	if err != nil {
		return ""
	}
	return filepath.Base(u.Path)
}
