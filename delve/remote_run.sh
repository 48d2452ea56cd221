
# Third part of the supervisor: one run of the keeper, in its foreground.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # variables of the other parts

# Reads text of one kind from stdin, tags it (in a subshell that has redirected itself, as in door_open). Ends at the
# mark, not at the end of file: a process that left the session may hold the pipe. A line goes out in one write that a
# pipe keeps whole.
pump() { # TAG
    while IFS= read -r dg_line; do
        dg_last=''
        case $dg_kind$dg_line in
        *"$dg_mark") dg_last=1 dg_line=${dg_line%"$dg_mark"} ;;
        'dlvAPI server listening at: '*) printf '%s\n' "${dg_line##*:}" >"$dg_run/$dg_n/port" ;;
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

# Sets dg_value to the last parameter $2 of run $1; empty when there is none.
run_param() {
    dg_value='' dg_last=''
    while IFS=' ' read -r dg_key dg_raw; do
        [ "$dg_key" != "$2" ] || dg_last=$dg_raw
    done <"$dg_run/$1/params"
    decode "$dg_last"
}

# One run: dlv, a remedy or a command in the foreground.
run_one() {
    dg_mark="delvegate end $1 $dg_run"
    run_param "$1" kind
    dg_kind=${dg_value:-dlv}
    exec 7<>"$dg_run/$1/log" 8<>"$dg_run/$1/own"
    (
        exec <&7 >&5 3>&- 4>&- 5>&- 6>&- 7>&- 8>&-
        pump log
    ) &
    dg_p1=$!
    (
        exec <&8 >&5 3>&- 4>&- 5>&- 6>&- 7>&- 8>&-
        pump out
    ) &
    dg_p2=$!
    (
        exec </dev/null >/dev/null 2>&1 3>&- 5>&- 6>&- 7>&- 8>&-
        locks "$1"
    ) &
    dg_p3=$!
    printf 'pumps %s %s %s\n' "$dg_p1" "$dg_p2" "$dg_p3" >&3
    printf 'started %s\n' "$1" >&4
    (launch "$1") >&8 2>&1
    dg_status=$?
    case $dg_kind$dg_status in
    dlv126 | dlv127)
        [ -e "$dg_run/$1/misplaced" ] || say "$dg_dlv could not be started on the Go machine (status $dg_status): \
see the lines above; check delve.path" error start >&4
        ;;
    esac
    kill -9 "$dg_p3" 2>/dev/null
    # Of a dlv that was killed the program is left running.
    dg_p="$dg_control $dg_clock $dg_p1 $dg_p2"
    sweep "$$" "$$ $dg_p" "$dg_p"
    attached_resume "$1"
    restore "$dg_run"
    # What was ended while it waited does not go on.
    [ "$dg_status" -gt 127 ] || locks_end "$1"
    printf '%s\n' "$dg_mark" >&7
    printf '%s\n' "$dg_mark" >&8
    wait "$dg_p1" "$dg_p2" "$dg_p3"
    exec 7>&- 8>&-
    printf 'end %s\n' "$1" >&5
    printf '%s\n' "$dg_status" >"$dg_run/$1/status"
    printf 'ran %s\n' "$1" >&3
}

# In a subshell: becomes what is run.
launch() {
    dg_n=$1
    trap - TERM
    self
    printf '%s\n' "$dg_self" >"$dg_run/$dg_n/pid"
    printf 'dlv %s\n' "$dg_self" >&3
    dg_cwd=${HOME:-/} dg_pid='' dg_attach='' dg_streams=''
    set --
    while IFS=' ' read -r dg_key dg_raw; do
        case $dg_key in env | unset) continue ;; esac
        decode "$dg_raw"
        case $dg_key in
        arg) set -- "$@" "$dg_value" ;;
        cwd) dg_cwd=$dg_value ;;
        gocache) dg_gocache=$dg_value ;;
        pid) dg_pid=$dg_value ;;
        attach) dg_attach=$dg_value ;;
        streams) dg_streams=$dg_value ;;
        esac
    done <"$dg_run/$dg_n/params"
    case $dg_pid in *[!0-9]*) dg_pid='' ;; esac
    if [ "$dg_kind" = alive ]; then
        attached_alive "$dg_pid" && exit 0
        exit 1
    fi
    [ -z "$dg_attach" ] || attached_write "$dg_pid"
    usable "$dg_cwd" dir && cd "$dg_cwd" && needed || exit 126
    environment
    case $dg_kind in
    dlv) set -- "$dg_dlv" "$@" ;;
    remedy)
        # A shell of its own: here IFS and the like are the program's by now. It speaks to delvegate itself.
        exec "$dg_sh" "$dg_run/remote.sh" remedy "$dg_run" "$@" </dev/null 3>&- 5>&- 6>&- 7>&- 8>&- 9>&-
        ;;
    *)
        if [ $# = 0 ]; then
            echo 'there is no command to run'
            exit 127
        fi
        case $1 in
        */*) ;;
        *) in_path "$1" "$PATH" || command -v "$1" >/dev/null || {
            printf '%s: not found on the Go machine in PATH (%s)\n' "$1" "$PATH"
            exit 127
        } ;;
        esac
        ;;
    esac
    [ -z "$dg_streams" ] || exec >"$dg_run/$dg_n/out" 2>"$dg_run/$dg_n/err"
    exec "$@" </dev/null 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
}

# Whether $1 is there, and with $2 a directory that can be entered. If not, delvegate gets the reason and the path.
usable() {
    if [ ! -e "$1" ]; then
        dg_why=missing dg_near=${1%/*}
        while [ -n "$dg_near" ] && [ ! -e "$dg_near" ]; do dg_near=${dg_near%/*}; done
        [ ! -d "${dg_near:-/}" ] || [ -x "${dg_near:-/}" ] || dg_why=closed
    elif [ -z "${2-}" ]; then
        return 0
    elif [ ! -d "$1" ]; then
        dg_why=notdir
    elif [ ! -x "$1" ]; then
        dg_why=closed
    else
        return 0
    fi
    printf '' >"$dg_run/$dg_n/misplaced"
    say "$1" error "$dg_why" >&4
    return 1
}
needed() {
    while IFS=' ' read -r dg_key dg_raw; do
        case $dg_key in need | needdir) ;; *) continue ;; esac
        decode "$dg_raw"
        usable "$dg_value" "${dg_key#need}" || return 1
    done <"$dg_run/$dg_n/params"
}

# The environment of what is run. From here on IFS, PATH and the locale may be anyone's.
environment() {
    unset GOROOT GOBIN GOTOOLDIR NOTIFY_SOCKET WATCHDOG_USEC WATCHDOG_PID LISTEN_FDS LISTEN_PID LISTEN_FDNAMES
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
}

# Keeps who process $1 was when it was attached to first.
attached_write() {
    [ -n "$1" ] && [ ! -e "$dg_run/attached-$1" ] || return 0
    identity "$1" >"$dg_run/attached-$1" || rm -f "$dg_run/attached-$1"
}
# A dlv that is ended in the middle of attaching leaves the process stopped.
attached_resume() {
    run_param "$1" attach
    [ -n "$dg_value" ] || return 0
    run_param "$1" pid
    attached_alive "$dg_value" && [ "$dg_state" = T ] || return 0
    kill -CONT "$dg_value" 2>/dev/null
}
attached_alive() {
    { read -r dg_rest dg_start0 <"$dg_run/attached-$1"; } 2>/dev/null && [ -n "$dg_start0" ] && alive "$1" "$dg_start0"
}

# ---- locks: who holds what go waits for

# A process of its own, until Delve listens: go waits without a word.
locks() {
    dg_seen='' dg_told=''
    while [ ! -e "$dg_run/$1/port" ]; do
        lock_look
        if [ -z "$dg_lock" ]; then
            locks_end "$1"
            dg_told=''
        elif [ "$dg_lock" = "$dg_seen" ] && [ "$dg_lock" != "$dg_told" ]; then
            # The second look: a go that is not alone waits for moments all the time.
            lock_tell
            dg_told=$dg_lock
            printf '' >"$dg_run/$1/lock"
        fi
        dg_seen=$dg_lock
        sleep 1
    done
    locks_end "$1"
}

locks_end() {
    [ -e "$dg_run/$1/lock" ] || return 0
    rm -f "$dg_run/$1/lock"
    say 'the lock is free, going on' note >&4
}

is_ours() {
    process "$1" && [ "$dg_session" = "$$" ]
}

# Sets dg_lock, dg_holder and dg_waiter to a lock that a process of this session waits for and one of another holds.
lock_look() {
    dg_lock=''
    while read -r dg_rest dg_a dg_b dg_c dg_d dg_e dg_f dg_rest; do
        if [ "$dg_a" != '->' ]; then
            dg_holder=$dg_d
            continue
        fi
        is_ours "$dg_e" || continue
        ! is_ours "$dg_holder" || continue
        dg_waiter=$dg_e dg_lock=$dg_f
        break
    done 2>/dev/null </proc/locks
}

lock_tell() {
    dg_path=$(
        # shellcheck disable=SC2012 # numbers only
        dg_fd=$(LC_ALL=C ls -Li "/proc/$dg_waiter/fd" | sed -n "s/^ *${dg_lock##*:}  *\([0-9]*\)\$/\1/p" | head -n 1)
        [ -z "$dg_fd" ] || readlink "/proc/$dg_waiter/fd/$dg_fd"
    ) 2>/dev/null
    # Whoever took it may have ended and left it to a child.
    alive "$dg_holder" || lock_heir
    dg_name=''
    { IFS= read -r dg_name <"/proc/$dg_holder/comm"; } 2>/dev/null
    case $dg_path in
    "$dg_gomodcache"/*) dg_what="the module cache is locked" ;;
    *) dg_what="a file is locked" ;;
    esac
    say "$dg_what by process $dg_holder${dg_name:+ ($dg_name)}: waiting for it${dg_path:+ ($dg_path)}" note >&4
}

# Sets dg_holder to a process of another session that has the lock's file open.
lock_heir() {
    [ -n "$dg_path" ] || return 0
    for dg_p in /proc/[0-9]*; do
        dg_p=${dg_p#/proc/}
        ! is_ours "$dg_p" || continue
        # shellcheck disable=SC2010 # looked for is a name that is known
        if ls -l "/proc/$dg_p/fd" 2>/dev/null | grep -qF -e " -> $dg_path"; then
            dg_holder=$dg_p
            return
        fi
    done
}

