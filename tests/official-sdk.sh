#!/usr/bin/env bash
# Tries the official Python SDK against the emulator and against our signatures.
# Usage: tests/official-sdk.sh [PATH_OF_VOD_AIGC]; without a path the command is built first.
# Uses the network only to install the SDK. Without Python, pip or a package index it says SKIPPED and ends with 0.
set -euo pipefail

sdk="tencentcloud-sdk-python-vod"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
target="${CARGO_TARGET_DIR:-$here/../target}"
venv="$target/official-sdk"

skip() {
    echo "SKIPPED: $1; the official SDK was not tried" >&2
    exit 0
}

command -v python3 >/dev/null || skip "there is no python3"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' || skip "python3 is older than 3.9"

if ! "$venv/bin/python" -c 'import tencentcloud.vod.v20180717' 2>/dev/null; then
    rm -rf "$venv"
    python3 -m venv "$venv" >/dev/null 2>&1 || skip "python3 cannot make a virtual environment"
    if ! log="$("$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$sdk" 2>&1)"; then
        rm -rf "$venv"
        skip "pip cannot install $sdk: $(tail -n 1 <<<"$log")"
    fi
fi

binary="${1:-}"
if [[ -z "$binary" ]]; then
    cargo build --quiet --locked --manifest-path "$here/../Cargo.toml" --package vod-aigc-cli
    binary="$target/debug/vod-aigc"
fi

# From here on everything is a failure. The emulator is on this machine, so no proxy is asked.
unset http_proxy HTTP_PROXY https_proxy HTTPS_PROXY all_proxy ALL_PROXY
"$venv/bin/python" -W ignore::DeprecationWarning "$here/official_sdk.py" "$binary"
