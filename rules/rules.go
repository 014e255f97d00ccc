// Package rules holds the rules that riposte ships, each with its tests. They apply where a configuration names no rules of its own.
package rules

import (
	"embed"
	"io/fs"
)

//go:embed *.yaml
var files embed.FS

// FS is the folder as it was when the binary was built.
func FS() fs.FS { return files }
