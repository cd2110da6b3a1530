#!/usr/bin/env bash
# Passes the official example of each action's request and reply through the types.
# Uses the network only to fetch the package with the examples. Without Python, pip or a package index it prints SKIPPED and
# exits with 0.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/python.sh"

program="$(built_types)"
environment tccli-wheel
wheel=("$target"/tccli-wheel/tccli-*.whl)
if [[ ! -f "${wheel[0]}" ]]; then
    pip tccli-wheel download --no-deps --only-binary :all: --dest "$target/tccli-wheel" tccli
    wheel=("$target"/tccli-wheel/tccli-*.whl)
fi

# Any error from here on is a failure.
"$target/tccli-wheel/bin/python" "$here/official_examples.py" "$program" "${wheel[0]}"
