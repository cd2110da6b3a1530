#!/usr/bin/env bash
# Tests the official Python SDK against the emulator, our signatures and the bodies of our types.
# Usage: tests/official-sdk.sh [PATH_OF_VOD_AIGC]; without a path, the command is built first.
# Uses the network only to install the SDK. Without Python, pip or a package index it prints SKIPPED and exits with 0.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/python.sh"

binary="${1:-$(built_command)}"
program="$(built_types)"
venv official-sdk tencentcloud-sdk-python-vod tencentcloud.vod.v20180717

# Any error from here on is a failure.
without_proxy "$target/official-sdk/bin/python" -W ignore::DeprecationWarning "$here/official_sdk.py" "$binary" "$program"
