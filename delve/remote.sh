# The supervisor on the Go machine. Its text comes in on the stdin of a plain `sh`, which becomes one of
# the connection's roles (session, streams, door); the copy that it writes of itself runs the keeper.
# In parts, put together when delvegate is built: this one (values, processes, the environment of a child),
# remote_connection.sh, remote_run.sh, remote_remedy.sh, remote_keeper.sh. Lines and streams:
# delve/supervisor.h. Written for dash, busybox sh and bash; never text to evaluate.
#
# All variables begin with dg_: a name of the environment that is also a variable here would reach the
# program with the wrong value. Nothing here sets umask or ignores a signal: the program inherits both.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # variables of the other parts

# ---- values and lines

# Sets dg_value to what the escaped $1 stands for. The x keeps trailing newlines.
decode() {
    case $1 in
    *\\*)
        dg_value=$(printf '%bx' "$1")
        dg_value=${dg_value%x}
        ;;
    *) dg_value=$1 ;;
    esac
}

# Prints $1 escaped.
escape() {
    case $1 in
    *[!A-Za-z0-9_./:=@%+,-]*) printf '%s' "$1" | od -An -v -to1 | tr -d '\n' | sed 's/ /\\0/g' ;;
    *) printf '%s' "$1" ;;
    esac
}

# Prints a line to delvegate with words that need no escape, and a text: say TEXT WORD...
say() {
    dg_text=$(escape "$1")
    shift
    printf '%s %s\n' "$*" "$dg_text"
}

# Whole parameters arrive in pieces (set, more ...); joins them: dg_pending is "KEY ESCAPED".
join() {
    case $1 in
    'set '*' '*) dg_done=$dg_pending dg_pending=${1#set } ;;
    'more '*) dg_done='' dg_pending=$dg_pending${1#more } ;;
    *) dg_done=$dg_pending dg_pending='' ;;
    esac
}

# ---- processes

dg_swept=''

# Sets dg_state, dg_parent, dg_session and dg_start of process $1; fails when there is none.
process() {
    dg_stat=''
    { read -r dg_stat <"/proc/$1/stat"; } 2>/dev/null
    [ -n "$dg_stat" ] || return 1
    dg_fields "${dg_stat##*) }"
}
dg_fields() {
    # shellcheck disable=SC2086 # numbers and one letter
    set -- $1
    dg_state=$1 dg_parent=$2 dg_session=$4
    shift 9
    # Field 22 of stat; ${11} is not for every old sh.
    shift 9
    dg_start=$2
}

# Sets dg_self to the pid of this very subshell ($$ is the shell's that forked it).
self() {
    read -r dg_self dg_rest </proc/self/stat
}

# Prints "PID START" for process $1, so that a pid given out again is not taken for it.
identity() {
    process "$1" && printf '%s %s\n' "$1" "$dg_start"
}

alive() { # PID [START]
    process "$1" && [ "$dg_state" != Z ] && [ "$dg_state" != X ] && [ "${2:-$dg_start}" = "$dg_start" ]
}

# One short wait. Not every sleep knows fractions: dg_ticks says how many make a second.
tick() {
    sleep "$dg_tick"
}
tick_init() {
    if sleep 0.05 2>/dev/null; then
        dg_tick=0.05 dg_ticks=20
    else
        dg_tick=1 dg_ticks=1
    fi
}

# Waits until process $1 is gone, at most $2 seconds.
wait_gone() {
    dg_left=$(($2 * dg_ticks))
    while alive "$1"; do
        [ "$dg_left" -gt 0 ] || return 1
        dg_left=$((dg_left - 1))
        tick
    done
}

# Ends what runs in session $1, apart from the pids in $2 and (with $3) the children of those in $3. Adds whom to dg_swept.
sweep() {
    dg_rounds=$((3 * dg_ticks))
    while [ "$dg_rounds" -gt 0 ]; do
        dg_found=''
        for dg_p in /proc/[0-9]*; do
            dg_p=${dg_p#/proc/}
            process "$dg_p" || continue
            [ "$dg_session" = "$1" ] || continue
            case $dg_state in Z | X) continue ;; esac
            case " $2 " in *" $dg_p "*) continue ;; esac
            case " ${3-} " in *" $dg_parent "*) continue ;; esac
            dg_found=1
            kill -9 "$dg_p" 2>/dev/null
            case "$dg_swept " in *" $dg_p "*) ;; *) dg_swept="$dg_swept $dg_p" ;; esac
        done
        [ -n "$dg_found" ] || return 0
        dg_rounds=$((dg_rounds - 1))
        tick
    done
    return 1
}

# ---- files

# Removes what may hold directories without the right to write, as those of a module cache are.
erase() {
    rm -rf "$@" 2>/dev/null || {
        chmod -R u+w "$@" 2>/dev/null
        rm -rf "$@"
    }
}

# ---- the environment of a child

# Exports NAME=VALUE; what a shell cannot export is dropped with a note to descriptor 4.
give() {
    case ${1%%=*} in
    '' | [!A-Za-z_]* | *[!A-Za-z0-9_]* | UID | EUID | PPID | OPTIND | BASHOPTS | SHELLOPTS | BASH_VERSINFO | dg_*)
        say "environment variable ${1%%=*} cannot be set on the Go machine; it is left out" note >&4
        ;;
    *) export "${1?}" ;;
    esac
}

take_away() {
    case $1 in
    '' | [!A-Za-z_]* | *[!A-Za-z0-9_]* | UID | EUID | PPID | OPTIND | BASHOPTS | SHELLOPTS | BASH_VERSINFO | dg_*) ;;
    *) unset "$1" ;;
    esac
}

give_goenv() {
    while IFS=' ' read -r dg_key dg_raw; do
        [ "$dg_key" = goenv ] || continue
        decode "$dg_raw"
        give "$dg_value"
    done <"$dg_run/session"
}

# Role tool: one command in a clean environment (the caller used env -i) with the configured go variables.
tool() {
    dg_run=$1
    shift
    cd "$dg_run" || exit 126
    exec 4>/dev/null
    give_goenv
    exec "$@" 4>&-
}

clean() {
    env -i HOME="${HOME-/}" USER="${USER-}" LOGNAME="${LOGNAME-}" PATH="$dg_path" \
        ${XDG_CACHE_HOME+"XDG_CACHE_HOME=$XDG_CACHE_HOME"} ${XDG_CONFIG_HOME+"XDG_CONFIG_HOME=$XDG_CONFIG_HOME"} \
        sh "$dg_run/remote.sh" tool "$dg_run" "$@" </dev/null
}

