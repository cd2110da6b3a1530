# Read by the scripts here that try somebody else's Python packages; not run by itself.
# Sets `here` and `target`. Without Python, pip or a package index a script says SKIPPED and ends with 0.

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
target="${CARGO_TARGET_DIR:-$here/../target}"

skip() {
    echo "SKIPPED: $1; $(basename "$0") has tried nothing" >&2
    exit 0
}

# environment NAME: an empty environment target/NAME, where there is none.
environment() {
    command -v python3 >/dev/null || skip "there is no python3"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' || skip "python3 is older than 3.9"
    [[ -x "$target/$1/bin/pip" ]] || python3 -m venv --clear "$target/$1" >/dev/null 2>&1 ||
        skip "python3 cannot make a virtual environment"
}

# pip NAME ARGUMENTS: pip of the environment target/NAME; where it fails, the environment goes.
pip() {
    local folder="$target/$1" log
    if ! log="$("$folder/bin/python" -m pip --quiet --disable-pip-version-check "${@:2}" 2>&1)"; then
        rm -rf "$folder"
        skip "pip cannot $2 ${*: -1}: $(tail -n 1 <<<"$log")"
    fi
}

# venv NAME PACKAGE MODULE: the environment target/NAME with a package from the index, got where the module is missing.
venv() {
    environment "$1"
    "$target/$1/bin/python" -c "import $3" 2>/dev/null || pip "$1" install "$2"
}

# Builds some of the workspace's packages, chosen by cargo's own arguments.
build() {
    cargo build --quiet --locked --manifest-path "$here/../Cargo.toml" "$@"
}

# Prints the path of the command, which is built first.
built_command() {
    build --package vod-aigc-cli
    echo "$target/debug/vod-aigc"
}

# Prints the path of the program that passes JSON through the types of an action; it is built first.
built_types() {
    build --package vod-aigc-tests --example typed
    echo "$target/debug/examples/typed"
}

# Runs a command that talks to an emulator on this machine, for which no proxy is asked.
without_proxy() {
    env -u http_proxy -u HTTP_PROXY -u https_proxy -u HTTPS_PROXY -u all_proxy -u ALL_PROXY "$@"
}
