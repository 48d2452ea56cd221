# The supervisor on the Go machine. Its text comes in on the stdin of a plain `sh`, which becomes one of
# the connection's roles (session, streams, door); the copy that it writes of itself runs the keeper.
# Lines and streams: delve/supervisor.h. Written for dash, busybox sh and bash; never text to evaluate.
#
# All variables begin with dg_: a name of the environment that is also a variable here would reach the
# program with the wrong value. Nothing here sets umask or ignores a signal: the program inherits both.
# shellcheck shell=sh
# shellcheck disable=SC2154 # delvegate_nonce: the line before the script

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

# Ends what runs in session $1, apart from the pids in $2 and (with $3) the children of those in $3.
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
        done
        [ -n "$dg_found" ] || return 0
        dg_rounds=$((dg_rounds - 1))
        tick
    done
    return 1
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

# ---- role session: directory, tools, keeper

fail() { # KIND TEXT
    say "$2" error "$1"
    [ -z "${dg_run-}" ] || rm -rf "$dg_run"
    exit 1
}

# Tries $1/ID for the run directory; sets dg_run, or adds the reason to dg_why.
try_dir() {
    dg_dir=$1/$dg_id
    case $dg_dir in
    /run/user/*)
        dg_why="$dg_why; $1: /run/user is emptied at logout"
        return 1
        ;;
    /*) ;;
    *)
        dg_why="$dg_why; $1: not an absolute path"
        return 1
        ;;
    esac
    dg_error=$(make_dir "$1" "$dg_dir" 2>&1) && dg_run=$dg_dir && return 0
    case $dg_error in *'No space left'* | *'uota exceeded'*) dg_full=1 ;; esac
    dg_why="$dg_why; $1: ${dg_error:-cannot be used}"
    return 1
}

make_dir() { # BASE DIR
    LC_ALL=C
    export LC_ALL
    [ -d "${1%/*}" ] || mkdir -p "${1%/*}" || return 1
    [ -d "$1" ] || mkdir -m 700 "$1" || return 1
    if [ -L "$1" ] || [ "$(owner_mode "$1")" != "$(id -u) drwx------" ]; then
        echo "not a directory of this user alone (mode 0700)"
        return 1
    fi
    mkdir -m 700 "$2" || return 1
    if ! dg_dd=$(dd if=/dev/zero of="$2/try" bs=4096 count=16 2>&1); then
        printf '%s\n' "$dg_dd" | grep -i -e space -e quota || printf '%s\n' "$dg_dd"
    elif ! { printf '#!/bin/sh\nexit 0\n' >"$2/try" && chmod 700 "$2/try" && "$2/try"; }; then
        echo "programs cannot be run there (mounted noexec?)"
    else
        rm -f "$2/try"
        return 0
    fi
    rm -rf "$2"
    return 1
}

owner_mode() {
    # shellcheck disable=SC2012 # one directory with a name of our own; stat is not POSIX
    LC_ALL=C ls -ldn "$1" | sed -n '1s/^\(d.........\)[^ ]*  *[0-9]*  *\([0-9]*\) .*/\2 \1/p'
}

find_dir() {
    case $dg_id in
    '' | *[!A-Za-z0-9_-]*) fail parameter "session id '$dg_id' is not made of letters and digits" ;;
    esac
    dg_why='' dg_full=''
    [ -n "${HOME-}" ] || dg_why='; HOME is not set'
    if [ -n "${XDG_CACHE_HOME-}" ]; then
        try_dir "$XDG_CACHE_HOME/delvegate" && return
    elif [ -n "${HOME-}" ]; then
        try_dir "$HOME/.cache/delvegate" && return
    fi
    [ -z "${HOME-}" ] || { try_dir "$HOME/.delvegate" && return; }
    try_dir "${TMPDIR:-/tmp}/delvegate-$(id -u)" && return
    if [ -n "$dg_full" ]; then
        fail disk "the disk is full, no run directory could be made (${dg_why#; }); free some space on the Go machine"
    fi
    fail dir "no run directory could be made (${dg_why#; }); make one of these usable on the Go machine"
}

# Sets dg_login_path to the PATH of a login shell. Its profile may print, ask or hang.
login_path() {
    dg_login_path=''
    setsid "${SHELL:-sh}" -lc 'echo; echo delvegate-path; printenv PATH' </dev/null >"$dg_run/login" 2>/dev/null &
    dg_p=$!
    wait_gone "$dg_p" 5 || sweep "$dg_p" ''
    wait "$dg_p" 2>/dev/null
    dg_login_path=$(sed -n '/^delvegate-path$/{n;p;}' "$dg_run/login" | tail -n 1)
    rm -f "$dg_run/login"
}

# Sets dg_found to the program $1 in one of the directories of the list $2 (separated by colons).
in_path() {
    dg_found=''
    dg_ifs=$IFS
    IFS=:
    set -f
    for dg_d in $2; do
        case $dg_d in
        /*) if [ -f "$dg_d/$1" ] && [ -x "$dg_d/$1" ]; then
            dg_found=$dg_d/$1
            break
        fi ;;
        esac
    done
    set +f
    IFS=$dg_ifs
    [ -n "$dg_found" ]
}

# The same for directories given one by one; the last one that has it counts: of several versions the newest.
in_dirs() {
    dg_name=$1
    dg_found=''
    shift
    for dg_d; do
        if [ -f "$dg_d/$dg_name" ] && [ -x "$dg_d/$dg_name" ]; then
            dg_found=$dg_d/$dg_name
        fi
    done
    [ -n "$dg_found" ]
}

find_tool() { # NAME CONFIGURED OPTION
    if [ -n "$2" ]; then
        if [ ! -f "$2" ] || [ ! -x "$2" ]; then
            fail notfound "$3 is $2, and that is no program on the Go machine; correct $3"
        fi
        dg_found=$2
        return
    fi
    in_path "$1" "${PATH-}" && return
    [ -n "$dg_login_path" ] || login_path
    in_path "$1" "$dg_login_path" && return
    dg_home=${HOME:-/}
    in_path "$1" "/usr/local/go/bin:${GOBIN-}:$dg_home/go/bin" && return
    in_dirs "$1" "$dg_home"/sdk/*/bin && return
    in_dirs "$1" /usr/lib/go-*/bin && return
    dg_ifs=$IFS dg_gobins=''
    IFS=:
    for dg_d in ${GOPATH-}; do
        dg_gobins=$dg_gobins:$dg_d/bin
    done
    IFS=$dg_ifs
    in_path "$1" "${dg_gobins#:}:$dg_home/.local/bin:/snap/bin" && return
    fail notfound "$1 was not found on the Go machine: looked in PATH (${PATH-}), the login shell's PATH \
(${dg_login_path:-none}), /usr/local/go/bin, $dg_home/go/bin, $dg_home/sdk/*/bin, /usr/lib/go-*/bin, \$GOBIN, \
\$GOPATH/bin, $dg_home/.local/bin and /snap/bin; install it there or set $3"
}

find_tools() {
    dg_login_path=''
    find_tool go "$dg_go" go.path
    dg_go=$dg_found
    find_tool dlv "$dg_dlv" delve.path
    dg_dlv=$dg_found
    dg_path=${dg_go%/*}:${PATH-}
    say "$dg_go" tool go
    dg_value=$(clean "$dg_go" version 2>&1) ||
        fail tool "$dg_go version failed on the Go machine: $dg_value; correct go.path"
    say "$dg_value" tool goVersion
    say "$dg_dlv" tool dlv
    dg_value=$(clean "$dg_dlv" version 2>&1) ||
        fail tool "$dg_dlv version failed on the Go machine: $dg_value; correct delve.path"
    say "$(printf '%s\n' "$dg_value" | grep '^Version:')" tool dlvVersion
    if [ -z "$dg_gocache" ] || [ -z "$dg_gomodcache" ]; then
        clean "$dg_go" env GOCACHE GOMODCACHE >"$dg_run/goenv" 2>"$dg_run/why" ||
            fail tool "$dg_go env failed on the Go machine: $(cat "$dg_run/why")"
        { IFS= read -r dg_a && IFS= read -r dg_b; } <"$dg_run/goenv"
        dg_gocache=${dg_gocache:-$dg_a} dg_gomodcache=${dg_gomodcache:-$dg_b}
        rm -f "$dg_run/goenv" "$dg_run/why"
    fi
    case $dg_gocache in /*) ;; *) fail tool "GOCACHE is '$dg_gocache', not an absolute path; set go.GOCACHE" ;; esac
    case $dg_gomodcache in /*) ;; *) fail tool "GOMODCACHE is '$dg_gomodcache', not an absolute path; set go.GOMODCACHE" ;; esac
    say "$dg_gocache" tool GOCACHE
    say "$dg_gomodcache" tool GOMODCACHE
    say "${HOME:-/}" tool home
}

# The door's file: its id, then pid and start time of each relay.
door_write() {
    {
        printf '%s' "$$"
        for dg_p; do
            printf ' %s' "$(identity "$dg_p")"
        done
        echo
    } >"$dg_run/door.new"
    mv "$dg_run/door.new" "$dg_run/door"
}

# Ends the relays that the door's file names.
door_kill() {
    read -r dg_door dg_rest <"$dg_run/door" || return 0
    # shellcheck disable=SC2086 # numbers
    pairs_kill $dg_rest
}
pairs_kill() {
    while [ $# -ge 2 ]; do
        ! alive "$1" "$2" || kill -9 "$1" 2>/dev/null
        shift 2
    done
}

# Toward the keeper: whole lines only, so that a lost link never leaves half a one.
relay_lines() {
    while IFS= read -r dg_line; do
        printf '%s\n' "$dg_line"
    done
    printf 'gone %s\n' "$1"
}

# Starts the relays of this connection. Descriptors 5 and 6 hold rsp and text open (so that opening them
# never waits), 7 to 9 are the connection.
door_open() {
    exec 7<&0 8>&1 9>&2 </dev/null >/dev/null 2>&1
    # shellcheck disable=SC2094 # pipes
    exec 5<>"$dg_run/rsp" 6<>"$dg_run/text" 3<"$dg_run/rsp" 4<"$dg_run/text"
    cat <&3 >&8 3<&- 4<&- 5>&- 6>&- 7<&- 8>&- 9>&- &
    dg_r2=$!
    cat <&4 >&9 3<&- 4<&- 5>&- 6>&- 7<&- 8>&- 9>&- &
    dg_r3=$!
    exec 3<>"$dg_run/ctl"
    [ -z "$1" ] || printf '%s\n' "$1" >&3
    relay_lines "$$" <&7 >&3 3>&- 4<&- 5>&- 6>&- 7<&- 8>&- 9>&- &
    dg_r1=$!
    door_write "$dg_r1" "$dg_r2" "$dg_r3"
    exec 3>&- 4<&- 7<&- 8>&- 9>&-
}

# Notes the sshd process of this connection, to be ended when the connection is half dead.
sshd_write() {
    read -r dg_name <"/proc/$PPID/comm" || return 0
    case $dg_name in sshd*) identity "$PPID" >"$1" ;; esac
}

role_session() {
    command -v setsid >/dev/null || fail tool "setsid was not found on the Go machine; install util-linux there"
    tick_init
    find_dir
    delvegate_self >"$dg_run/remote.sh"
    printf '%s' "$dg_kept" >"$dg_run/session"
    find_tools
    {
        printf 'transport %s\nlease %s\n' "$dg_transport" "$dg_lease"
        printf 'go %s\ndlv %s\n' "$(escape "$dg_go")" "$(escape "$dg_dlv")"
        printf 'GOCACHE %s\nGOMODCACHE %s\n' "$(escape "$dg_gocache")" "$(escape "$dg_gomodcache")"
    } >>"$dg_run/session" || fail disk "the run directory $dg_run cannot be written; is the Go machine's disk full?"
    if ! mkdir -m 700 "$dg_run/tmp" || ! mkfifo -m 600 "$dg_run/ctl" "$dg_run/rsp" "$dg_run/text" "$dg_run/runs"; then
        fail dir "named pipes cannot be made in $dg_run on the Go machine"
    fi
    [ "$dg_transport" != ssh ] || sshd_write "$dg_run/sshd"
    say "$dg_run" dir
    door_open ''
    # In the foreground: a background job's children, and so the program, would have SIGINT ignored.
    setsid sh "$dg_run/remote.sh" keeper "$dg_run" 5>&- 6>&-
    dg_status=$?
    if [ -d "$dg_run" ]; then
        say "the supervisor on the Go machine was ended from outside (status $dg_status)" error keeper >&5
        bury
        echo ended >&5
    fi
    exec 5>&- 6>&-
    wait "$dg_r2" "$dg_r3"
    exit 0
}

# What a keeper that was killed left behind.
bury() {
    ! { read -r dg_pid dg_rest <"$dg_run/keeper"; } 2>/dev/null || sweep "$dg_pid" ''
    rm -rf "$dg_run"
}

# ---- role streams: the program's stdout and stderr

role_streams() {
    dg_fifos=$dg_dirparam/$dg_runparam
    if [ ! -p "$dg_fifos/out" ] || [ ! -p "$dg_fifos/err" ]; then
        echo "run $dg_runparam of $dg_dirparam has no streams (any more)" >&2
        exit 1
    fi
    # shellcheck disable=SC2094 # pipes
    exec 5<>"$dg_fifos/out" 6<>"$dg_fifos/err" 3<"$dg_fifos/out" 4<"$dg_fifos/err"
    exec 5>&- 6>&-
    # A reader of a lost connection would take bytes that are meant for this one.
    if read -r dg_rest 2>/dev/null <"$dg_fifos/readers"; then
        # shellcheck disable=SC2086 # numbers
        pairs_kill $dg_rest
    fi
    printf 'delvegate open %s\n' "$delvegate_nonce"
    printf 'delvegate open %s\n' "$delvegate_nonce" >&2
    exec 7>&2
    cat <&3 3<&- 4<&- 7>&- 2>/dev/null &
    dg_r2=$!
    cat <&4 >&7 3<&- 4<&- 7>&- 2>/dev/null &
    dg_r3=$!
    exec 3<&- 4<&- 7>&-
    printf '%s %s\n' "$(identity "$dg_r2")" "$(identity "$dg_r3")" >"$dg_fifos/readers" 2>/dev/null
    wait "$dg_r2" "$dg_r3"
    exit 0
}

# ---- role door: a new connection to a keeper that lives

role_door() {
    dg_run=$dg_dirparam
    tick_init
    if ! read -r dg_pid dg_start0 2>/dev/null <"$dg_run/keeper"; then
        echo ended
        exit 0
    fi
    if ! alive "$dg_pid" "$dg_start0"; then
        bury
        echo ended
        exit 0
    fi
    door_kill
    if grep -q "^transport ssh$" "$dg_run/session"; then
        [ ! -e "$dg_run/sshd" ] || mv "$dg_run/sshd" "$dg_run/sshd.old"
        sshd_write "$dg_run/sshd"
    fi
    door_open "door $$"
    exec 5>&- 6>&-
    wait "$dg_r2" "$dg_r3"
    exit 0
}

connection() {
    printf '\ndelvegate mark %s\n' "$delvegate_nonce" >&2
    printf '\ndelvegate hello 1 %s\n' "$delvegate_nonce"
    dg_role='' dg_transport=local dg_id='' dg_lease=600 dg_gocache='' dg_gomodcache='' dg_go='' dg_dlv=''
    dg_dirparam='' dg_runparam='' dg_kept='' dg_pending='' dg_begun='' dg_run=''
    while IFS= read -r dg_line; do
        join "$dg_line"
        if [ -n "$dg_done" ]; then
            decode "${dg_done#* }"
            case ${dg_done%% *} in
            role) dg_role=$dg_value ;;
            transport) dg_transport=$dg_value ;;
            id) dg_id=$dg_value ;;
            lease) dg_lease=$dg_value ;;
            GOCACHE) dg_gocache=$dg_value ;;
            GOMODCACHE) dg_gomodcache=$dg_value ;;
            go) dg_go=$dg_value ;;
            dlv) dg_dlv=$dg_value ;;
            dir) dg_dirparam=$dg_value ;;
            run) dg_runparam=$dg_value ;;
            goenv) dg_kept="$dg_kept$dg_done
" ;;
            esac
        fi
        if [ "$dg_line" = begin ]; then
            dg_begun=1
            break
        fi
    done
    [ -n "$dg_begun" ] || exit 1
    case $dg_lease in '' | *[!0-9]*) fail parameter "lease '$dg_lease' is no number of seconds" ;; esac
    case $dg_role in
    session) role_session ;;
    streams) role_streams ;;
    door) role_door ;;
    *) fail parameter "unknown role '$dg_role'" ;;
    esac
}

# ---- the keeper: in a session of its own, without a descriptor of any connection

# Descriptors of the keeper: 3 ctl, 4 rsp, 5 text, 6 runs; each open for reading and writing, so that
# none ever ends. 7 to 9 belong to a run.
keeper() {
    dg_run=$1
    tick_init
    while IFS=' ' read -r dg_key dg_raw; do
        decode "$dg_raw"
        case $dg_key in
        transport) dg_transport=$dg_value ;;
        lease) dg_lease=$dg_value ;;
        go) dg_go=$dg_value ;;
        dlv) dg_dlv=$dg_value ;;
        GOCACHE) dg_gocache=$dg_value ;;
        GOMODCACHE) dg_gomodcache=$dg_value ;;
        esac
    done <"$dg_run/session"
    exec 3<>"$dg_run/ctl" 4<>"$dg_run/rsp" 5<>"$dg_run/text" 6<>"$dg_run/runs"
    identity "$$" >"$dg_run/keeper"
    control &
    dg_control=$!
    clock &
    dg_clock=$!
    # While dlv runs the shell heeds this only after dlv has ended.
    trap 'echo "end kill" >&3' TERM
    echo ready >&4
    while IFS= read -r dg_n <&6; do
        [ "$dg_n" != quit ] || break
        run_one "$dg_n"
    done
    wait "$dg_control" "$dg_clock"
    exit 0
}

# A process of its own: read has no time-out in every sh. Counts waits without a line from delvegate.
clock() {
    dg_period=$((dg_lease / 8))
    [ "$dg_period" -ge 1 ] || dg_period=1
    [ "$dg_period" -le 15 ] || dg_period=15
    dg_seen='' dg_waited=0
    while [ "$dg_waited" -lt "$dg_lease" ]; do
        sleep "$dg_period"
        if ! alive "$dg_control"; then
            self
            dg_control=$dg_self dg_active='' dg_held=''
            finish lease
        fi
        { read -r dg_beat <"$dg_run/beat"; } 2>/dev/null || dg_beat=$dg_seen
        if [ "$dg_beat" = "$dg_seen" ]; then
            dg_waited=$((dg_waited + dg_period))
        else
            dg_seen=$dg_beat dg_waited=0
        fi
    done
    printf '\nlease\n' >&3
}

# Reads dlv's text of one kind from stdin, tags it. Ends at the mark, not at the end of file: a process
# that left the session may hold the pipe. A line goes out in one write that a pipe keeps whole.
pump() { # TAG
    while IFS= read -r dg_line; do
        dg_last=''
        case $dg_line in
        *"$dg_mark") dg_last=1 dg_line=${dg_line%"$dg_mark"} ;;
        'API server listening at: '*) printf '%s\n' "${dg_line##*:}" >"$dg_run/$dg_n/port" ;;
        esac
        if [ "${#dg_line}" -gt 1000 ]; then
            printf '%s\n' "$dg_line" | fold -b -w 3900 | while IFS= read -r dg_piece; do
                printf '%s %s\n' "$1" "$dg_piece"
            done
        elif [ -z "$dg_last" ] || [ -n "$dg_line" ]; then
            printf '%s %s\n' "$1" "$dg_line"
        fi
        [ -z "$dg_last" ] || break
    done
}

# One run: dlv in the foreground.
run_one() {
    dg_mark="delvegate end $1 $dg_run"
    exec 7<>"$dg_run/$1/log" 8<>"$dg_run/$1/own"
    pump log <&7 >&5 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- &
    dg_p1=$!
    pump out <&8 >&5 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- &
    dg_p2=$!
    printf 'pumps %s %s\n' "$dg_p1" "$dg_p2" >&3
    printf 'started %s\n' "$1" >&4
    (launch "$1") >&8 2>&1
    dg_status=$?
    case $dg_status in
    126 | 127) say "$dg_dlv could not be started on the Go machine (status $dg_status): see the lines above; \
check delve.path and the working directory" error start >&4 ;;
    esac
    # Of a dlv that was killed the program is left running.
    dg_p="$dg_control $dg_clock $dg_p1 $dg_p2"
    sweep "$$" "$$ $dg_p" "$dg_p"
    printf '%s\n' "$dg_mark" >&7
    printf '%s\n' "$dg_mark" >&8
    wait "$dg_p1" "$dg_p2"
    exec 7>&- 8>&-
    printf 'end %s\n' "$1" >&5
    printf '%s\n' "$dg_status" >"$dg_run/$1/status"
    printf 'ran %s\n' "$1" >&3
}

# In a subshell: becomes dlv.
launch() {
    dg_n=$1
    trap - TERM
    self
    printf '%s\n' "$dg_self" >"$dg_run/$dg_n/pid"
    printf 'dlv %s\n' "$dg_self" >&3
    dg_cwd=${HOME:-/}
    set --
    while IFS=' ' read -r dg_key dg_raw; do
        case $dg_key in
        arg)
            decode "$dg_raw"
            set -- "$@" "$dg_value"
            ;;
        cwd)
            decode "$dg_raw"
            dg_cwd=$dg_value
            ;;
        esac
    done <"$dg_run/$dg_n/params"
    cd "$dg_cwd" || exit 126
    unset GOROOT GOBIN GOTOOLDIR NOTIFY_SOCKET WATCHDOG_USEC WATCHDOG_PID LISTEN_FDS LISTEN_PID LISTEN_FDNAMES
    # From here on IFS, PATH and the locale may be anyone's.
    give_goenv
    while IFS=' ' read -r dg_key dg_raw; do
        case $dg_key in
        env)
            decode "$dg_raw"
            give "$dg_value"
            ;;
        unset)
            decode "$dg_raw"
            take_away "$dg_value"
            ;;
        esac
    done <"$dg_run/$dg_n/params"
    GOCACHE=$dg_gocache GOMODCACHE=$dg_gomodcache GOTMPDIR=$dg_run/tmp
    [ "$(command -v go)" = "$dg_go" ] || PATH=${dg_go%/*}${PATH:+:$PATH}
    export GOCACHE GOMODCACHE GOTMPDIR PATH
    exec "$dg_dlv" "$@" </dev/null 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
}

# ---- the keeper's control loop

# Holds of the prepared run 7 and 8 for the ends of out and err: for writing until the program has them,
# so that a reader does not see an end too early; for reading all the time, so that a program whose
# reader is gone waits instead of dying.
streams_hold() {
    streams_release
    mkdir -m 700 "$dg_run/$1" && mkfifo -m 600 "$dg_run/$1/own" "$dg_run/$1/log" "$dg_run/$1/out" "$dg_run/$1/err" || return 1
    exec 7<>"$dg_run/$1/out" 8<>"$dg_run/$1/err"
    dg_held=$1
}
streams_launched() {
    [ -n "$dg_held" ] || return 0
    # Not by name: the user may have removed the directory.
    exec 9</proc/self/fd/7
    exec 7<&9 9</proc/self/fd/8
    exec 8<&9 9<&-
    dg_held=''
}
streams_release() {
    exec 7>&- 8>&-
    dg_held=''
}

# While no door is there: somebody must read what the keeper says.
stand_in() {
    [ -z "$dg_standin" ] || return 0
    (
        exec cat <&4 >/dev/null 3>&- 4>&- 5>&- 6>&- 7>&- 8>&-
    ) &
    dg_standin=$!
    (
        head -c 262144 <&5 >>"$dg_run/text.kept" 3>&- 4>&- 5>&- 6>&- 7>&- 8>&-
        exec cat <&5 >/dev/null 3>&- 4>&- 5>&- 6>&- 7>&- 8>&-
    ) &
    dg_standin="$dg_standin $!"
}
stand_in_end() {
    for dg_p in $dg_standin; do
        kill -9 "$dg_p" 2>/dev/null
        wait "$dg_p" 2>/dev/null
    done
    dg_standin=''
}

control() {
    self
    dg_control=$dg_self
    dg_active='' dg_held='' dg_standin='' dg_pending='' dg_beats=0 dg_dlvpid='' dg_pumps='' dg_ending=''
    trap 'end kill' TERM
    printf '' >"$dg_run/next"
    while IFS= read -r dg_line <&3; do
        join "$dg_line"
        [ -z "$dg_done" ] || printf '%s\n' "$dg_done" >>"$dg_run/next"
        case $dg_line in
        'gone '* | 'ran '* | 'pumps '* | 'dlv '* | lease | '') ;;
        *)
            dg_beats=$((dg_beats + 1))
            printf '%s\n' "$dg_beats" >"$dg_run/beat"
            ;;
        esac
        case $dg_line in
        'prepare '*[!0-9]* | 'run '*[!0-9]*) ;;
        'prepare '*)
            if streams_hold "${dg_line#prepare }"; then
                printf 'prepared %s\n' "${dg_line#prepare }" >&4
            else
                say "the run's directory $dg_run/${dg_line#prepare } could not be made on the Go machine; is its disk full?" \
                    error disk >&4
            fi
            ;;
        'run '*)
            dg_active=${dg_line#run } dg_dlvpid='' dg_pumps=''
            if mv "$dg_run/next" "$dg_run/$dg_active/params" 2>/dev/null; then
                printf '' >"$dg_run/next"
                printf '%s\n' "$dg_active" >&6
            else
                dg_active=''
                say "run ${dg_line#run } was not prepared" error protocol >&4
            fi
            ;;
        launched) streams_launched ;;
        'ran '*)
            ran
            [ -z "$dg_ending" ] || finish "$dg_ending"
            ;;
        'gone '*) gone "${dg_line#gone }" ;;
        'door '*)
            stand_in_end
            echo ready >&4
            [ -z "$dg_active" ] || printf 'started %s\n' "$dg_active" >&4
            ;;
        'pumps '*) dg_pumps=${dg_line#pumps } ;;
        'dlv '*)
            dg_dlvpid=${dg_line#dlv }
            [ -z "$dg_ending" ] || finish "$dg_ending"
            ;;
        'end kill' | 'end detach') end "${dg_line#end }" ;;
        lease) end lease ;;
        esac
    done
}

ran() {
    [ -n "$dg_active" ] || return 0
    streams_launched
    read -r dg_status <"$dg_run/$dg_active/status"
    printf 'exited %s %s\n' "$dg_active" "$dg_status" >&4
    dg_active=''
}

gone() {
    read -r dg_door dg_rest <"$dg_run/door"
    [ "$dg_door" = "$1" ] || return 0
    door_kill
    # A line cut short, and parameters whose run never came, are nobody's.
    dg_pending=''
    printf '' >"$dg_run/next"
    stand_in
}

connected() {
    grep -q "^ *[0-9]*: 0100007F:$dg_hex [0-9A-F]*:[0-9A-F]* 01 " /proc/net/tcp
}
wait_closed() {
    dg_left=$((2 * dg_ticks))
    while connected; do
        [ "$dg_left" -gt 0 ] || return 1
        dg_left=$((dg_left - 1))
        tick
    done
}

# Ends the sshd processes of dead connections: they hold connections to Delve for as long as TCP tries.
sshd_end() {
    [ "$dg_transport" = ssh ] || return 0
    dg_list=sshd.old
    [ "$1" != lease ] || dg_list='sshd.old sshd'
    dg_keep=''
    [ "$1" = lease ] || { read -r dg_keep <"$dg_run/sshd"; } 2>/dev/null
    for dg_file in $dg_list; do
        { read -r dg_pid dg_start0 <"$dg_run/$dg_file"; } 2>/dev/null || continue
        [ "$dg_pid $dg_start0" != "$dg_keep" ] || continue
        ! alive "$dg_pid" "$dg_start0" || kill "$dg_pid" 2>/dev/null
    done
}

# Ends the session, but not between the order to start dlv and dlv: nothing could be ended then.
end() { # kill | detach | lease
    if [ -n "$dg_active" ] && [ -z "$dg_dlvpid" ] && alive "$$"; then
        dg_ending=$1
    else
        finish "$1"
    fi
}

# The end of the session, in the order that Delve survives: connections, SIGTERM, SIGKILL, the rest.
finish() { # kill | detach | lease
    trap '' TERM
    [ -z "$dg_active" ] || dlv_end "$1"
    streams_launched
    sweep "$$" "$$ $dg_control $dg_pumps" "$dg_control $dg_pumps"
    if [ -n "$dg_active" ]; then
        dg_left=$((5 * dg_ticks))
        until [ -s "$dg_run/$dg_active/status" ] || [ "$dg_left" -le 0 ]; do
            dg_left=$((dg_left - 1))
            tick
        done
        [ ! -s "$dg_run/$dg_active/status" ] || ran
    fi
    echo quit >&6
    sweep "$$" "$$ $dg_control"
    rm -rf "$dg_run" || say "the run directory $dg_run could not be removed on the Go machine" note >&4
    echo ended >&4
    exit 0
}

dlv_end() {
    [ -n "$dg_dlvpid" ] && alive "$dg_dlvpid" || return 0
    if { read -r dg_port <"$dg_run/$dg_active/port"; } 2>/dev/null; then
        dg_hex=$(printf '%04X' "$dg_port")
        if ! wait_closed; then
            sshd_end "$1"
            wait_closed
        fi
    fi
    kill "$dg_dlvpid" 2>/dev/null
    # Killed in the middle of detaching, Delve would leave its breakpoints in the attached process.
    dg_patience=3
    ! grep -q '^attach 1' "$dg_run/$dg_active/params" || dg_patience=10
    wait_gone "$dg_dlvpid" "$dg_patience" || kill -9 "$dg_dlvpid" 2>/dev/null
    wait_gone "$dg_dlvpid" 3
}

main() {
    case ${1-} in
    keeper) keeper "$2" ;;
    tool)
        shift
        tool "$@"
        ;;
    *) connection ;;
    esac
}
main "$@"; exit
