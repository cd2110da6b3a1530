#!/usr/bin/env bash
# Counts the outcome of lost replies with each client: the official Python SDK, the official tccli, and ours.
# Usage: tests/side_by_side.sh [--jobs N] [--seed N] [--without-tccli] [--write]; --write updates the table in README.md.
# Uses the network only to install the official two. Without Python, pip or a package index it prints SKIPPED and exits with 0.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/python.sh"

binary="$(built_command)"
venv official-sdk tencentcloud-sdk-python-vod tencentcloud.vod.v20180717
arguments=("$@")
if [[ " $* " != *" --without-tccli "* ]]; then
    venv tccli tccli tccli
    arguments+=(--tccli "$target/tccli/bin/tccli")
fi

# Any error from here on is a failure.
without_proxy "$target/official-sdk/bin/python" -W ignore::DeprecationWarning "$here/side_by_side.py" "$binary" "${arguments[@]}"
