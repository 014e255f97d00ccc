#!/usr/bin/env bash
# Known vulnerabilities in code that is reached, that of Go's own library as of the toolchain that go.mod names. The database comes as a Go module, as all else does,
# so that it is there wherever riposte can be built. GOVULNCHECK is the tool, VULNDB the version of the database.
set -euo pipefail
: "${GOVULNCHECK:?}" "${VULNDB:?}"
db=$(mktemp -d)
trap 'rm -rf "$db"' EXIT
if ! dir=$(go mod download -json "golang.org/x/vulndb@$VULNDB" | sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p') || [ ! -d "$dir/data/osv" ] ||
  ! GOBIN=$db go install "golang.org/x/vulndb/cmd/indexdb@$VULNDB"; then
  echo "vuln: NOTHING WAS CHECKED: the database did not come (see above); this is no pass" >&2
  exit 1
fi
"$db/indexdb" -vulns "$dir/data/osv" -out "$db/v1"
GOTOOLCHAIN=$(sed -n 's/^toolchain //p' go.mod) "$GOVULNCHECK" -db "file://$db/v1" ./...
