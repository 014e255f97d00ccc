package app

import (
	"errors"
	"fmt"
	"os"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/internal/sign"
	"github.com/riposte-security/riposte/schemas"
)

type keysCmd struct {
	New  keysNewCmd  `cmd:"" help:"Make a pair of keys: the private one in a file, the public one on stdout."`
	Show keysShowCmd `cmd:"" help:"Print the public key of a private one."`
}

type keysNewCmd struct {
	File string `arg:"" help:"File for the private key; must not exist."`
}

// Run makes a key.
func (c *keysNewCmd) Run(a *App) error {
	k, err := sign.NewKey()
	if err != nil {
		return err
	}
	text, err := k.PEM()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(c.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	if _, err = f.Write(text); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	fmt.Fprintln(a.Out, k.Public())
	fmt.Fprintf(a.Err, "key %s: the private part is in %s; the line above is for consumers.trusted_keys or consumers.operator_keys\n", k.ID(), c.File)
	return nil
}

type keysShowCmd struct {
	File string `arg:"" help:"File with the private key."`
}

// Run prints what is public of a key.
func (c *keysShowCmd) Run(a *App) error {
	text, err := os.ReadFile(c.File)
	if err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	k, err := sign.ParseKey(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	fmt.Fprintln(a.Out, k.Public())
	fmt.Fprintf(a.Err, "key %s\n", k.ID())
	return nil
}

// signs signs a person's decision with operator.signing_key. Without one it is "", unless the same configuration says that this would not count.
func (a *App) signs(text []byte) (string, error) {
	cfg, _, err := a.find()
	if err != nil {
		return "", err
	}
	conf := consumers.Defaults()
	if err := cfg.Consumers.Decode(&conf); err != nil {
		return "", fmt.Errorf("consumers: %w", err)
	}
	if cfg.Operator.SigningKey == "" {
		if len(conf.OperatorKeys) > 0 {
			return "", fmt.Errorf("%s: decisions have to be signed: operator.signing_key is missing", cfg.Pos("consumers", "operator_keys"))
		}
		return "", nil
	}
	k, err := sign.ParseKey(string(cfg.Operator.SigningKey))
	if err != nil {
		return "", fmt.Errorf("%s: operator.signing_key: %w", cfg.Pos("operator", "signing_key"), err)
	}
	return k.Sign(text), nil
}

func signatureHeader(signature string) []kafka.Header {
	if signature == "" {
		return nil
	}
	return kafka.Headers(map[string]string{schemas.HeaderSignature: signature})
}

// matchingKeys refuses a configuration whose consumers would refuse every command of its own router.
func matchingKeys(cfg config.Config, conf consumers.Config) error {
	var r routerConfig
	if err := cfg.Router.Decode(&r); err != nil {
		return fmt.Errorf("router: %w", err)
	}
	routers, _, err := conf.Rings()
	if err != nil || routers.Empty() || cfg.Router.IsZero() {
		return err
	}
	k, err := r.Key()
	switch {
	case err != nil:
		return fmt.Errorf("%s: router: %w", cfg.Pos("router", "signing_key"), err)
	case k != nil && !routers.Has(k):
		return fmt.Errorf("%s: consumers.trusted_keys: the key of router.signing_key (%s) is not among them", cfg.Pos("consumers", "trusted_keys"), k.Public())
	}
	return nil
}
