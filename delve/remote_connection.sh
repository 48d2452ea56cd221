# Second part of the supervisor: a connection in its roles session, streams and door.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # variables of the other parts

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
    [ -d "${1%/*}" ] || mkdir -p "${1%/*}" || [ -d "${1%/*}" ] || return 1
    # A session that starts at the same moment may be the one that makes it.
    [ -d "$1" ] || mkdir -m 700 "$1" || [ -d "$1" ] || return 1
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
    if [ -z "$dg_nodelve" ]; then
        find_tool dlv "$dg_dlv" delve.path
        dg_dlv=$dg_found
    fi
    dg_path=${dg_go%/*}:${PATH-}
    say "$dg_go" tool go
    dg_value=$(clean "$dg_go" version 2>&1) ||
        fail tool "$dg_go version failed on the Go machine: $dg_value; correct go.path"
    say "$dg_value" tool goVersion
    if [ -z "$dg_nodelve" ]; then
        say "$dg_dlv" tool dlv
        dg_value=$(clean "$dg_dlv" version 2>&1) ||
            fail tool "$dg_dlv version failed on the Go machine: $dg_value; correct delve.path"
        say "$(printf '%s\n' "$dg_value" | grep '^Version:')" tool dlvVersion
    fi
    if [ -z "$dg_gocache" ] || [ -z "$dg_gomodcache" ]; then
        clean "$dg_go" env GOCACHE GOMODCACHE GOROOT GOTOOLCHAIN >"$dg_run/goenv" 2>"$dg_run/why" ||
            fail tool "$dg_go env failed on the Go machine: $(cat "$dg_run/why")"
        take_goenv
    fi
    say "$dg_gocache" tool GOCACHE
    say "$dg_gomodcache" tool GOMODCACHE
    case $dg_gocache in /*) ;; *) fail tool "GOCACHE is '$dg_gocache', not an absolute path; set go.GOCACHE" ;; esac
    case $dg_gomodcache in /*) ;; *) fail tool "GOMODCACHE is '$dg_gomodcache', not an absolute path; set go.GOMODCACHE" ;; esac
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

# Starts the relays of this connection. Descriptors 5 and 6 hold rsp and text open (so that opening them never waits), 3
# ctl (so that what is said to a keeper that has yet to open it is not lost with a relay's end), 7 to 9 are the connection.
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
    # Redirected from within: of the redirections of a function in the background dash keeps copies, and no pipe would end.
    (
        exec <&7 >&3 3>&- 4<&- 5>&- 6>&- 7<&- 8>&- 9>&-
        relay_lines "$$"
    ) &
    dg_r1=$!
    door_write "$dg_r1" "$dg_r2" "$dg_r3"
    exec 4<&- 7<&- 8>&- 9>&-
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
    # Until the keeper runs nobody else would remove the directory when the connection ends.
    identity "$$" >"$dg_run/maker"
    trap 'rm -rf "$dg_run"; exit 1' HUP PIPE TERM
    printf '%s\n' "$dg_here" >"$dg_run/host"
    bury_others
    delvegate_self >"$dg_run/remote.sh"
    printf '%s' "$dg_kept" >"$dg_run/session"
    [ -z "$dg_checks" ] || check_machine
    find_tools
    [ -z "$dg_checks" ] || check_caches
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
    trap - HUP PIPE TERM
    # In the foreground: a background job's children, and so the program, would have SIGINT ignored.
    setsid sh "$dg_run/remote.sh" keeper "$dg_run" 3>&- 5>&- 6>&-
    dg_status=$?
    if [ -d "$dg_run" ]; then
        say "the supervisor on the Go machine was ended from outside (status $dg_status)" error keeper >&5
        bury "$dg_run"
        echo ended >&5
    fi
    exec 3>&- 5>&- 6>&-
    wait "$dg_r2" "$dg_r3"
    exit 0
}

# ---- what crashes have left

# Ends and removes what the dead keeper of directory $1 left behind. A number is not given out again while it names a
# session: where it is somebody else's by now, nothing of that session is left.
bury() {
    if is_here "$1" && { read -r dg_pid dg_start0 <"$1/keeper"; } 2>/dev/null; then
        if ! process "$dg_pid" || [ "$dg_start" = "$dg_start0" ]; then
            detach_left "$1" "$dg_pid"
            sweep "$dg_pid" ''
            resume_left "$1"
        fi
    fi
    restore "$1"
    erase "$1"
}

# Killed while it is attached, Delve would leave its breakpoints in a process that lives on.
detach_left() { # DIR SESSION
    for dg_file in "$1"/*/pid; do
        { read -r dg_p <"$dg_file"; } 2>/dev/null && grep -q '^attach 1' "${dg_file%pid}params" || continue
        process "$dg_p" && [ "$dg_session" = "$2" ] && kill "$dg_p" 2>/dev/null || continue
        dg_swept="$dg_swept $dg_p"
        wait_gone "$dg_p" 10
    done
}
# A dlv that was killed in the middle of attaching left the process stopped.
resume_left() { # DIR
    for dg_file in "$1"/attached-*; do
        { read -r dg_p dg_start0 <"$dg_file"; } 2>/dev/null && alive "$dg_p" "$dg_start0" || continue
        [ "$dg_state" != T ] || kill -CONT "$dg_p" 2>/dev/null
    done
}

# Whether the numbers of processes in directory $1 are this machine's: several machines or containers may share a home.
is_here() {
    dg_host=''
    { read -r dg_host <"$1/host"; } 2>/dev/null
    [ "${dg_host:-$dg_here}" = "$dg_here" ]
}

untouched() { # MINUTES FILE
    [ -n "$(find "$2" -prune -mmin "+$1" 2>/dev/null)" ]
}

# Whether the session of directory $1 has ended without having removed it.
is_stale() {
    [ -d "$1" ] && [ ! -L "$1" ] || return 1
    if ! is_here "$1"; then
        # A keeper writes there every few seconds, or has ended when its lease was over.
        untouched "$dg_foreign_minutes" "$1" || return 1
        [ ! -e "$1/beat" ] || untouched "$dg_foreign_minutes" "$1/beat"
        return
    fi
    dg_known=''
    for dg_file in keeper maker; do
        { read -r dg_pid dg_start0 <"$1/$dg_file"; } 2>/dev/null || continue
        dg_known=1
        ! alive "$dg_pid" "$dg_start0" || return 1
    done
    [ -z "$dg_known" ] || return 0
    # It is being made, or its files were never written.
    case ${1##*/} in *[!A-Za-z0-9_-]*) return 1 ;; esac
    untouched "$dg_unwritten_minutes" "$1" || return 1
    [ -e "$1/try" ] || [ -e "$1/maker" ] || [ -e "$1/keeper" ] || [ -z "$(ls -A "$1")" ] || return 1
    # On a full disk a session may live without them. By way of stdin: grep must not find itself.
    # shellcheck disable=SC2062 # files, not a pattern
    ! printf '%s\n' "$1" | grep -qF -f - /proc/[0-9]*/cmdline 2>/dev/null
}

bury_in() { # BASE
    [ -d "$1" ] && [ ! -L "$1" ] && [ "$(owner_mode "$1")" = "$(id -u) drwx------" ] || return 0
    for dg_d in "$1"/*; do
        is_stale "$dg_d" || continue
        dg_swept=''
        bury "$dg_d" 2>/dev/null
        [ -n "$dg_tell" ] || continue
        if [ -d "$dg_d" ]; then
            say "$dg_d is what a dead session has left, and could not be removed; remove it by hand" note
        else
            say "removed $dg_d, which a dead session had left${dg_swept:+; ended its processes$dg_swept}" note
        fi
    done
}

# Clears away what crashes or a restart of the machine left, wherever find_dir may have made it. tell: says so.
bury_others() { # [tell]
    dg_tell=${1-}
    [ -z "${XDG_CACHE_HOME-}" ] || bury_in "$XDG_CACHE_HOME/delvegate"
    if [ -n "${HOME-}" ]; then
        bury_in "$HOME/.cache/delvegate"
        bury_in "$HOME/.delvegate"
    fi
    bury_in "${TMPDIR:-/tmp}/delvegate-$(id -u)"
}

role_sweep() {
    tick_init
    bury_others tell
    echo ended
    exit 0
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
    printf '%s %s\n' "$(identity "$dg_r2")" "$(identity "$dg_r3")" 2>/dev/null >"$dg_fifos/readers"
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
        bury "$dg_run"
        echo ended
        exit 0
    fi
    door_kill
    if grep -q "^transport ssh$" "$dg_run/session"; then
        [ ! -e "$dg_run/sshd" ] || mv "$dg_run/sshd" "$dg_run/sshd.old"
        sshd_write "$dg_run/sshd"
    fi
    door_open "door $$"
    exec 3>&- 5>&- 6>&-
    wait "$dg_r2" "$dg_r3"
    exit 0
}

connection() {
    printf '\ndelvegate mark %s\n' "$delvegate_nonce" >&2
    printf '\ndelvegate hello 1 %s\n' "$delvegate_nonce"
    dg_here='' dg_foreign_minutes=60 dg_unwritten_minutes=10
    { read -r dg_here </proc/sys/kernel/hostname; } 2>/dev/null
    dg_role='' dg_transport=local dg_id='' dg_lease=600 dg_gocache='' dg_gomodcache='' dg_go='' dg_dlv='' dg_nodelve=''
    dg_dirparam='' dg_runparam='' dg_kept='' dg_pending='' dg_begun='' dg_run='' dg_checks='' dg_checkdir=''
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
            nodelve) dg_nodelve=$dg_value ;;
            dir) dg_dirparam=$dg_value ;;
            run) dg_runparam=$dg_value ;;
            check) dg_checks=1 dg_checkdir=$dg_value ;;
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
    check) role_check ;;
    sweep) role_sweep ;;
    streams) role_streams ;;
    door) role_door ;;
    *) fail parameter "unknown role '$dg_role'" ;;
    esac
}
