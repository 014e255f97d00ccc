package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/riposte-security/riposte/internal/archive"
	"github.com/riposte-security/riposte/internal/cloud"
)

type archiveCmd struct{ stackFlags }

// Run archives until it is interrupted.
func (c *archiveCmd) Run(ctx context.Context, a *App) error {
	s, err := a.newStack(ctx, c.Data, nil)
	if err != nil {
		return err
	}
	defer s.close()
	if s.cfg.Archive.IsZero() {
		return misuse{errors.New("no section archive in the configuration")}
	}
	st, err := s.archiver(0)
	if err != nil {
		return err
	}
	return s.run(ctx, st)
}

// archiver builds the archive stage. age is how old a segment becomes where the configuration does not say; 0: the default.
func (s *stack) archiver(age time.Duration) (stage, error) {
	conf, err := s.archiveConfig()
	if err != nil {
		return nil, err
	}
	conf.Segment.Age = cmp.Or(conf.Segment.Age, age)
	store, err := openArchive(s.clients, conf.To, conf.Region, conf.Lock)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.cfg.Pos("archive", "to"), err)
	}
	signer := archive.FileKey(conf.Key.File)
	if conf.Key.KMS != "" {
		signer = archive.KMSKey(s.clients, conf.Region, conf.Key.KMS)
	}
	conf.Region = cmp.Or(conf.Region, s.clients.Region()) // also that of events that have none
	version, revision := build()
	st, err := archive.New(conf, archive.Deps{
		Kafka: s.kafka, Store: store, Signer: signer, Scratch: filepath.Join(s.data, "archive-scratch"),
		Writer: strings.TrimSpace("riposte " + version + " " + revision), Log: s.log, Registerer: s.reg,
	})
	if err != nil {
		return nil, err
	}
	s.topics = append(s.topics, archive.Topics(s.kafka.Topics())...)
	s.checks = append(s.checks, check{"archive", st.Well})
	return st.Run, nil
}

func (s *stack) archiveConfig() (archive.Config, error) {
	var conf archive.Config
	if err := s.cfg.Archive.Decode(&conf); err != nil {
		return conf, fmt.Errorf("archive: %w", err)
	}
	return conf, nil
}

// ageInUp is how old a segment becomes where one process does it all.
const ageInUp = 30 * time.Second

// archiverInUp is the stage in one process with the others: when it has to stop, for example because somebody changed the archive, they go on, and
// the process is not ready.
func (s *stack) archiverInUp() (stage, error) {
	st, err := s.archiver(ageInUp)
	if err != nil {
		return nil, err
	}
	var stopped atomic.Bool
	s.checks = append(s.checks, check{"archive", func() bool { return !stopped.Load() }})
	return func(ctx context.Context) error {
		err := st(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		stopped.Store(true)
		s.log.Error().Err(err).Msg("nothing is archived any more; all else goes on")
		<-ctx.Done()
		return nil
	}, nil
}

// openArchive makes the store of a place.
func openArchive(clients *cloud.Clients, where, region string, lock archive.LockConfig) (archive.Store, error) {
	if archive.InS3(where) {
		return archive.S3Store(clients, where, region, lock)
	}
	return archive.FileStore(where), nil
}
