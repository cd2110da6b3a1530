#!/usr/bin/env bash
# Traces the system calls of one `vod-aigc generate`. Checks that the job is on disk before the paid request is sent, and the video
# is on disk before it gets its name. Needs strace, and installs it if possible.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
target="${CARGO_TARGET_DIR:-$here/../target}"

command -v strace >/dev/null || { apt-get update -qq && apt-get install -y -qq strace; } >/dev/null
cargo build --quiet --locked --manifest-path "$here/../Cargo.toml" --package vod-aigc-cli

folder="$(mktemp -d)"
binary="$(realpath "$target/debug/vod-aigc")"
cd "$folder"
export HOME="$folder" TENCENTCLOUD_SECRET_ID=AKIDEXAMPLE TENCENTCLOUD_SECRET_KEY=a-key-that-opens-nothing VOD_SUB_APP_ID=7
exec 3< <(exec "$binary" emulate)
emulator=$!
trap 'kill "$emulator"; rm -rf "$folder"' EXIT
read -r ready <&3
[[ "$ready" =~ \"endpoint\":\"([^\"]+)\" ]]
VOD_AIGC_ENDPOINT="${BASH_REMATCH[1]}"
export VOD_AIGC_ENDPOINT

calls=write,writev,pwrite64,sendto,sendmsg,fsync,fdatasync,rename,renameat,renameat2
strace --follow-forks --decode-fds=path --string-limit=4000 --trace="$calls" --output=trace -- \
    "$binary" generate 'a panda' --model Kling:2.1 --key k --store jobs.sqlite3 --output video.mp4 --first-poll 0s >/dev/null

# line PATTERN [AFTER [BEFORE]]: the number of the last matching line of the trace between the two, or 0.
line() {
    awk -v pattern="$1" -v after="${2:-0}" -v before="${3:-1000000000}" \
        'NR > after && NR < before && $0 ~ pattern { last = NR } END { print last + 0 }' trace
}

# expect WHAT LINE: fails if LINE is 0.
expect() {
    [[ "$2" -gt 0 ]] || { echo "not seen: $1" >&2; grep -nE 'sync|rename' trace >&2; exit 1; }
    echo "$1: line $2 of the trace"
}

sent="$(awk '/(write|writev|sendto|sendmsg)\(.*socket:.*CreateAigcVideoTask/ { print NR; exit }' trace)"
expect "the paid request leaves" "${sent:-0}"
written="$(line 'pwrite64\(.*jobs.sqlite3-wal' 0 "$sent")"
expect "the job is written" "$written"
expect "and is on the disk before the request leaves" "$(line '(fsync|fdatasync)\(.*jobs.sqlite3-wal' "$written" "$sent")"

named="$(line 'rename.*video.mp4.part')"
expect "the video gets its name" "$named"
written="$(line 'write\(.*video.mp4.part' 0 "$named")"
expect "it is written before" "$written"
expect "and is on the disk before it gets its name" "$(line 'fsync\(.*video.mp4.part' "$written" "$named")"
expect "the name is on the disk too" "$(line "fsync\\([0-9]+<$folder>" "$named")"
