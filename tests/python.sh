# Read by the scripts here that try somebody else's Python packages; not run by itself.
# Sets `here` and `target`. Without Python, pip or a package index a script says SKIPPED and ends with 0.

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
target="${CARGO_TARGET_DIR:-$here/../target}"

skip() {
    echo "SKIPPED: $1; $(basename "$0") has tried nothing" >&2
    exit 0
}

# venv NAME PACKAGE MODULE: the environment target/NAME with a package from the index, made where the module is missing.
venv() {
    local folder="$target/$1" log
    command -v python3 >/dev/null || skip "there is no python3"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' || skip "python3 is older than 3.9"
    if ! "$folder/bin/python" -c "import $3" 2>/dev/null; then
        rm -rf "$folder"
        python3 -m venv "$folder" >/dev/null 2>&1 || skip "python3 cannot make a virtual environment"
        if ! log="$("$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$2" 2>&1)"; then
            rm -rf "$folder"
            skip "pip cannot install $2: $(tail -n 1 <<<"$log")"
        fi
    fi
}

# Prints the path of the command, which is built first.
built_command() {
    cargo build --quiet --locked --manifest-path "$here/../Cargo.toml" --package vod-aigc-cli
    echo "$target/debug/vod-aigc"
}

# Runs a command that talks to an emulator on this machine, for which no proxy is asked.
without_proxy() {
    env -u http_proxy -u HTTP_PROXY -u https_proxy -u HTTPS_PROXY -u all_proxy -u ALL_PROXY "$@"
}
