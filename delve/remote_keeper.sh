
# Last part of the supervisor: the keeper.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # variables of the other parts

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
    dg_sh=$(command -v sh)
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
        if [ "$dg_beat" = busy ]; then
            dg_waited=0
        elif [ "$dg_beat" = "$dg_seen" ]; then
            dg_waited=$((dg_waited + dg_period))
        else
            dg_seen=$dg_beat dg_waited=0
        fi
    done
    printf '\nlease\n' >&3
}

# ---- the keeper's control loop

# Holds of the prepared run 7 and 8 for the ends of out and err: for writing until the program has them,
# so that a reader does not see an end too early; for reading all the time, so that a program whose
# reader is gone waits instead of dying.
streams_hold() {
    streams_release
    # What the last run has left: its binary, a build that was killed.
    [ -z "$dg_prepared" ] || erase "$dg_run/$dg_prepared"
    erase "$dg_run/tmp"/*
    printf '' >"$dg_run/next"
    dg_prepared=$1
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
    dg_active='' dg_prepared='' dg_held='' dg_standin='' dg_pending='' dg_beats=0 dg_dlvpid='' dg_pumps=''
    dg_ending='' dg_stopping=''
    trap 'end kill' TERM
    printf '' >"$dg_run/next"
    while IFS= read -r dg_line <&3; do
        join "$dg_line"
        [ -z "$dg_done" ] || printf '%s\n' "$dg_done" >>"$dg_run/next"
        case $dg_line in
        'gone '* | 'ran '* | 'pumps '* | 'dlv '* | lease | '') ;;
        *)
            beaten
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
            dg_active=${dg_line#run } dg_dlvpid='' dg_pumps='' dg_stopping=''
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
            [ -z "$dg_stopping" ] || stop "$dg_stopping"
            ;;
        'stop kill' | 'stop detach' | 'stop now') stop "${dg_line#stop }" ;;
        'end kill' | 'end detach') end "${dg_line#end }" ;;
        lease) end lease ;;
        esac
    done
}

# Says to the clock that delvegate lives.
beaten() {
    dg_beats=$((dg_beats + 1))
    printf '%s\n' "$dg_beats" >"$dg_run/beat"
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
    # No network lies between: delvegate itself is gone, and nobody comes back.
    [ "$dg_transport" != local ] || end gone
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

# Ends the run alone, but not between the order to start it and its process. The rest of it is swept, and `ran` said, as
# after every run.
stop() { # kill | detach | now
    if [ -n "$dg_active" ] && [ -z "$dg_dlvpid" ]; then
        dg_stopping=$1
    elif [ -n "$dg_active" ]; then
        # Beats are not read meanwhile.
        echo busy >"$dg_run/beat"
        run_end "$1"
        beaten
    fi
}

# Ends the session, but not between the order to start dlv and dlv: nothing could be ended then.
end() { # kill | detach | gone | lease
    if [ -n "$dg_active" ] && [ -z "$dg_dlvpid" ] && alive "$$"; then
        dg_ending=$1
    else
        finish "$1"
    fi
}

# The end of the session, in the order that Delve survives: connections, SIGTERM, SIGKILL, the rest.
finish() { # kill | detach | gone | lease
    trap '' TERM
    [ -z "$dg_active" ] || run_end "$1"
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
    restore "$dg_run"
    erase "$dg_run" || say "the run directory $dg_run could not be removed on the Go machine" note >&4
    echo ended >&4
    exit 0
}

# Ends the run's own process; what else the run has started is swept afterwards.
run_end() { # kill | detach | gone | now | lease
    [ -n "$dg_dlvpid" ] && alive "$dg_dlvpid" || return 0
    [ "$1" = now ] || run_ask "$1"
    kill -9 "$dg_dlvpid" 2>/dev/null
    wait_gone "$dg_dlvpid" 3
}
run_ask() {
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
    wait_gone "$dg_dlvpid" "$dg_patience"
}

main() {
    case ${1-} in
    keeper) keeper "$2" ;;
    remedy)
        shift
        remedy "$@"
        ;;
    tool)
        shift
        tool "$@"
        ;;
    *) connection ;;
    esac
}
main "$@"; exit
