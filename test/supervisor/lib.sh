# shellcheck shell=sh
# What the shell tests of the supervisor share: a directory of their own ($work) that is the home, the supervisor of this
# build, and reach.c, which plays delvegate. What a test starts it ends, by its pid.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
supervisor=${SUPERVISOR:-$top/build/release/supervisor}
reach=${REACH:-$top/build/asan/reach}
# Paths of sockets must be short.
work=$(mktemp -d /tmp/dgXXXXXX) || exit 1
passed=0
failed=0
skipped=0
pids=
hash=$(sha256sum <"$supervisor")
hash=${hash%% *}
unset XDG_CACHE_HOME XDG_RUNTIME_DIR
HOME=$work/home
TMPDIR=$work/tmp
export HOME TMPDIR

# supervisors [DIR]: pids of the supervisors below the test's directory, or of one instance, that live.
# shellcheck disable=SC2120 # who includes this gives one
supervisors() {
    find "${1:-$work}" -name supervisor -type f 2>/dev/null | while read -r file; do
        { read -r pid start <"$file"; } 2>/dev/null || continue
        [ "$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -d' ' -f20)" != "$start" ] || echo "$pid"
    done
}
# until_true SECONDS COMMAND...
until_true() {
    tries=$(($1 * 20))
    shift
    until "$@"; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.05
    done
}
end_supervisors() {
    for pid in $(supervisors); do kill "$pid" 2>/dev/null; done
    until_true 10 no_supervisor || echo 'a supervisor does not end'
}
no_supervisor() { [ -z "$(supervisors)" ]; }
clean() {
    for pid in $pids; do kill "$pid" 2>/dev/null; done
    end_supervisors
    [ -z "${mounted-}" ] || umount "$mounted" 2>/dev/null
    rm -rf "$work"
}
trap clean EXIT
trap 'exit 1' HUP INT PIPE TERM

# fresh: an empty home, no supervisor.
fresh() {
    end_supervisors
    rm -rf "${work:?}/home" "${work:?}/tmp"
    mkdir "$work/home"
    mkdir -m 1777 "$work/tmp"
}
skip() {
    skipped=$((skipped + 1))
    echo "skip $1: $2"
}
count() { # STATUS NAME
    if [ "$1" = 0 ]; then
        passed=$((passed + 1))
        echo "ok $2"
    else
        failed=$((failed + 1))
        echo "not ok $2"
        [ ! -f "$work/out" ] || sed 's/^/    /' "$work/out" | head -30
    fi
}
# run ARGUMENT...: reach, up to the supervisor's directory; its words are in $work/out.
run() {
    timeout 60 "$reach" once "$@" </dev/zero >"$work/out" 2>&1
}
# says NAME PATTERN...: whether each is in what the last run said.
says() {
    name=$1 bad=0
    shift
    for pattern; do
        grep -Eq -- "$pattern" "$work/out" || { bad=1 && echo "    no line matches: $pattern"; }
    done
    count $bad "$name"
}
finish() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [ $failed = 0 ]
    exit
}
