#!/usr/bin/env bash
# Counts what each client makes of lost answers: the official Python SDK, the official tccli, and ours.
# Usage: tests/side_by_side.sh [--jobs N] [--seed N] [--without-tccli] [--write]; --write puts the table into README.md.
# Uses the network only to install the two. Without Python, pip or a package index it says SKIPPED and ends with 0.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/python.sh"

binary="$(built_command)"
venv official-sdk tencentcloud-sdk-python-vod tencentcloud.vod.v20180717
arguments=("$@")
if [[ " $* " != *" --without-tccli "* ]]; then
    venv tccli tccli tccli
    arguments+=(--tccli "$target/tccli/bin/tccli")
fi

# From here on everything is a failure.
without_proxy "$target/official-sdk/bin/python" -W ignore::DeprecationWarning "$here/side_by_side.py" "$binary" "${arguments[@]}"
