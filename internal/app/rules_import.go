package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/router/sigma"
)

type rulesImportCmd struct {
	Sigma importSigmaCmd `cmd:"" help:"Make rules of Sigma rules."`
}

type importSigmaCmd struct {
	Out          string   `required:"" placeholder:"DIR" help:"Folder for the rules: a file each, named by its id."`
	To           string   `default:"log" placeholder:"RECEIVER" help:"Receiver of their alerts."`
	Placeholders string   `placeholder:"FILE" help:"Values of placeholders (the modifier expand): YAML, name to list."`
	JSON         bool     `name:"json" help:"Print JSON."`
	Paths        []string `arg:"" name:"PATH" help:"Sigma files and folders of them; '-' is stdin."`
}

// An importReport is what --json prints.
type importReport struct {
	Imported  int            `json:"imported"`
	Refused   int            `json:"refused"`
	Rules     []importedRule `json:"rules"`
	Refusals  []rule.Problem `json:"refusals"`
	Documents int            `json:"documents"`
	Lists     []string       `json:"lists,omitempty"` // that the configuration must have
}

type importedRule struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	From  string `json:"from"`
	Line  int    `json:"line"`
	File  string `json:"file"`
}

// Run converts, checks and writes rules, prints why documents were refused, and closes with "N imported, N refused".
func (c *importSigmaCmd) Run(a *App) error {
	o := sigma.Options{To: c.To}
	if c.Placeholders != "" {
		text, err := os.ReadFile(c.Placeholders)
		if err != nil {
			return fmt.Errorf("placeholders: %w", err)
		}
		if o.Placeholders, err = sigma.ReadPlaceholders(text); err != nil {
			return misuse{err}
		}
	}
	cfg, err := a.ruleConfig()
	if err != nil {
		return err
	}
	if o.Check, err = ruleOptions(cfg); err != nil {
		return err
	}
	files, err := sigma.ReadFiles(a.In, c.Paths...)
	if err != nil {
		return err
	}
	res, err := sigma.Import(o, files)
	if err != nil {
		return err
	}
	report, err := c.write(res)
	if err != nil {
		return err
	}
	if c.JSON {
		err = a.printJSON(report)
	} else {
		for _, p := range res.Refused {
			fmt.Fprintln(a.Out, p)
		}
		if len(res.Lists) > 0 {
			fmt.Fprintf(a.Out, "the configuration must have the lists %s; the texts of Sigma rules have no case: { kind: string, ignore_case: true }\n", strings.Join(res.Lists, ", "))
		}
		fmt.Fprintf(a.Out, "%d imported, %d refused\n", report.Imported, report.Refused)
	}
	if err == nil && report.Refused > 0 {
		return errReported
	}
	return err
}

// write puts the rules into the folder.
func (c *importSigmaCmd) write(res sigma.Result) (importReport, error) {
	report := importReport{
		Imported: len(res.Imported), Refused: res.RefusedDocuments, Documents: res.Documents,
		Rules: []importedRule{}, Refusals: []rule.Problem{}, Lists: res.Lists,
	}
	if err := os.MkdirAll(c.Out, 0o755); err != nil { //nolint:gosec // rules are no secret
		return report, fmt.Errorf("rules: %w", err)
	}
	for _, d := range res.Imported {
		for _, r := range d.Rules {
			file := filepath.Join(c.Out, r.ID+".yaml")
			if err := replaceFile(file, r.YAML()); err != nil {
				return report, err
			}
			report.Rules = append(report.Rules, importedRule{ID: r.ID, Title: r.Title, From: d.File, Line: d.Line, File: file})
		}
	}
	for _, p := range res.Refused {
		report.Refusals = append(report.Refusals, p)
	}
	return report, nil
}

// replaceFile writes a file of rules whole: a router that reloads sees the old one or the new one.
func replaceFile(file, text string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(file), ".import-*")
	if err != nil {
		return fmt.Errorf("rules: %w", err)
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("rules: %w", err), os.Remove(f.Name()))
	}
	return nil
}
