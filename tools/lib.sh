# Shared by the scripts of this repository: source it, then work from the repository root.
# shellcheck shell=bash

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

say() { printf '%s\n' "-- $*"; }

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# logged NAME COMMAND...: runs COMMAND with its output in build/logs/NAME.log; returns its status.
logged() {
    mkdir -p build/logs
    "${@:2}" >"build/logs/$1.log" 2>&1
}

# why NAME: the line of that log which says what went wrong.
why() {
    local log=build/logs/$1.log
    { grep -m1 -E '^(E:|ERROR|npm (ERR!|error)|tar:|sha256sum:)' "$log" || tail -n 1 "$log"; } |
        cut -c 1-200 # pip lists every version there is
}

# quietly NAME COMMAND...: logged, for commands that must succeed; shows the end of the log if not.
quietly() {
    logged "$@" && return
    tail -n 40 "build/logs/$1.log" >&2
    die "'${*:2}' failed; the whole log is build/logs/$1.log"
}
