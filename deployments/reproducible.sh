#!/usr/bin/env bash
# Builds what is committed in two folders, each with a build cache of its own, and compares the binaries byte by byte. BUILD is the command, without -o.
set -euo pipefail
: "${BUILD:?}"
root=$(git rev-parse --show-toplevel)
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
for n in one another/and-deeper; do
  mkdir -p "$work/$n/src"
  git -C "$root" archive HEAD | tar -x -C "$work/$n/src"
  (cd "$work/$n/src" && GOCACHE="$work/cache-${n%%/*}" bash -c "$BUILD -buildvcs=false -o ../riposte .")
  sha256sum "$work/$n/riposte" | cut -d' ' -f1
done
cmp "$work/one/riposte" "$work/another/and-deeper/riposte"
echo "the same binary"
