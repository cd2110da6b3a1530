# Sourced by the scripts here that use third-party Python packages; not run directly.
# Sets `here` and `target`. Without Python, pip or a package index a script prints SKIPPED and exits with 0.

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
target="${CARGO_TARGET_DIR:-$here/../target}"

skip() {
    echo "SKIPPED: $1; $(basename "$0") has tried nothing" >&2
    exit 0
}

# environment NAME: creates the empty environment target/NAME if it does not exist.
environment() {
    command -v python3 >/dev/null || skip "there is no python3"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' || skip "python3 is older than 3.9"
    [[ -x "$target/$1/bin/pip" ]] || python3 -m venv --clear "$target/$1" >/dev/null 2>&1 ||
        skip "python3 cannot make a virtual environment"
}

# pip NAME ARGUMENTS: runs pip of the environment target/NAME; removes the environment on failure.
pip() {
    local folder="$target/$1" log
    if ! log="$("$folder/bin/python" -m pip --quiet --disable-pip-version-check "${@:2}" 2>&1)"; then
        rm -rf "$folder"
        skip "pip cannot $2 ${*: -1}: $(tail -n 1 <<<"$log")"
    fi
}

# venv NAME PACKAGE MODULE: the environment target/NAME; installs PACKAGE from the index if MODULE is missing.
venv() {
    environment "$1"
    "$target/$1/bin/python" -c "import $3" 2>/dev/null || pip "$1" install "$2"
}

# Builds workspace packages selected by cargo's arguments.
build() {
    cargo build --quiet --locked --manifest-path "$here/../Cargo.toml" "$@"
}

# Builds the command and prints its path.
built_command() {
    build --package vod-aigc-cli
    echo "$target/debug/vod-aigc"
}

# Builds the program that passes JSON through the types of an action, and prints its path.
built_types() {
    build --package vod-aigc-tests --example typed
    echo "$target/debug/examples/typed"
}

# Runs a command that talks to an emulator on this machine, without a proxy.
without_proxy() {
    env -u http_proxy -u HTTP_PROXY -u https_proxy -u HTTPS_PROXY -u all_proxy -u ALL_PROXY "$@"
}
