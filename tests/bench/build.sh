#!/usr/bin/env bash
# Builds the one-call programs from empty target folders and prints the table for PERFORMANCE.md: packages, processor time of
# a debug and of a release build, size of the released program. Takes minutes; nothing else should be compiling.
set -euo pipefail
cd "$(dirname "$0")"
target=$(mktemp -d)
trap 'rm -rf "$target"' EXIT
export CARGO_TARGET_DIR=$target
# What a user would set who wants a small program.
export CARGO_PROFILE_RELEASE_STRIP=symbols
TIMEFORMAT='%U %S'

# Prints the user and system time of a clean build in seconds.
seconds() {
    rm -rf "${target:?}"/*
    { time cargo build --quiet --profile "$1" --package "$2" >&3 2>&3; } 2>&1 | awk '{ printf "%.0f s", $1 + $2 }'
}

cargo fetch --quiet
echo '| program | packages | CPU of a debug build | CPU of a release build | bytes |'
echo '|---|---:|---:|---:|---:|'
for program in one-call-ours one-call-reqwest; do
    packages=$(cargo tree --package "$program" --edges normal,build --prefix none | sed 's/ (\*)$//' | sort -u | wc -l)
    debug=$(seconds dev "$program" 3>&2)
    release=$(seconds release "$program" 3>&2)
    echo "| $program | $packages | $debug | $release | $(stat -c %s "$target/release/$program") |"
done
