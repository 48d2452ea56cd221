# shellcheck shell=bash
# What the tests of the installation share: counting, an ordinary user, lists of files.
PASSED=0 FAILED=0 SKIPPED=0
LIMIT=30 # seconds for anything awaited

check() { # WHAT COMMAND...
    local what=$1
    shift
    if "$@"; then
        PASSED=$((PASSED + 1))
        echo "ok   $what"
    else
        FAILED=$((FAILED + 1))
        echo "FAIL $what"
    fi
}
skip() { # WHAT WHY
    SKIPPED=$((SKIPPED + 1))
    echo "skip $1: $2"
}
same() { # GOT WANT
    [ "$1" = "$2" ] && return
    diff <(printf '%s\n' "$2") <(printf '%s\n' "$1") | sed 's/^/     /'
    return 1
}
has() { # TEXT PATTERN
    # shellcheck disable=SC2053 # a pattern
    [[ $1 == $2 ]] && return
    printf '     got:  %.400q\n     want: %q\n' "$1" "$2"
    return 1
}
lacks() { # TEXT PATTERN
    # shellcheck disable=SC2053 # a pattern
    [[ $1 != $2 ]] && return
    printf '     got:  %.400q\n     which should lack: %q\n' "$1" "$2"
    return 1
}
not() {
    ! "$@"
}

# An ordinary user, with a home of its own and nothing of our environment. CC is what the tree was to be built with.
AS_USER=(env -i HOME="$TMP/home" PATH="$PATH" LC_ALL=C.UTF-8 ${CC:+CC="$CC"})
if [ "$(id -u)" -eq 0 ]; then
    AS_USER=(setpriv --reuid=65534 --regid=65534 --clear-groups "${AS_USER[@]}")
fi
as_user() {
    "${AS_USER[@]}" "$@"
}
# Gives what we made to that user.
give() {
    [ "$(id -u)" -ne 0 ] || chown -R 65534:65534 "$@"
}

# Each file and directory below a directory: type, mode, path, and of a file what is in it.
list() {
    (cd "$1" && find . -mindepth 1 -printf '%y %m %P\n' | LC_ALL=C sort -k 3 && find . -type f -print0 |
        LC_ALL=C sort -z | xargs -0r sha256sum)
}
# The files alone: mode and path.
list_files() {
    (cd "$1" && find . -type f -printf '%m %P\n' | LC_ALL=C sort -k 2)
}

# Waits until a file holds a line that matches, for as long as the process lives; the FIFO is the clock.
await_line() { # FILE PATTERN PID
    local deadline=$((SECONDS + LIMIT))
    until grep -q -- "$2" "$1" 2>/dev/null; do
        if [ $SECONDS -ge $deadline ] || ! kill -0 "$3" 2>/dev/null; then
            sed 's/^/     /' "$1"
            return 1
        fi
        read -r -t 0.05 <>"$TMP/never"
    done
    return 0
}
