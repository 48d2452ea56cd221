# shellcheck shell=bash
# shellcheck disable=SC2034 # variables that lib.sh reads
# Runs one after the other, ended one by one; commands and locks.

# A session ready for runs; N is the number of the last one.
ready() { # [KEY=VALUE...]
    N=0
    session c "$@" && control c ready || return 1
    KEEPER=$(cut -d' ' -f1 "$RUN/keeper")
}
prepare() {
    N=$((N + 1))
    say c "prepare $N"
    control c "prepared $N"
}
# The next run, a command whose output is text.
order() { # ARG...
    local a
    prepare || return 1
    param c kind command
    for a; do
        param c arg "$a"
    done
    say c "run $N"
    control c "started $N"
}
ended() { # STATUS
    control c "exited $N $1"
}
over() {
    say c 'end kill'
    control c ended
    check 'nothing is left' nothing_left
    finish c
}
rest_of_session() {
    ps -o args= -s "$KEEPER" | grep -v -e '<defunct>' -e 'remote.sh keeper' -e '^sleep [0-9]*$' -e ps
}

case_runs() {
    local i
    begin runs
    ready || return
    for i in 1 2 3; do
        prepare || return
        streams "s$i" "$N"
        run_dlv c "$N" exec "$TMP/prog.bin" -- show
        control c "started $N" && text c 'log API server listening at: *' || return
        printed "s$i.stdout" 'up *'
        PROGRAM=${LINE#up }
        say c launched
        printf 'left\n' >"$RUN/tmp/left"
        say c "stop $([ $i = 2 ] && echo now || echo kill)"
        control c "exited $N *" && text c "end $N" || return
        check "the program of run $i is gone" gone "$PROGRAM"
        wait "${M[s$i]}"
        check "its streams have ended" [ $? = 0 ]
        check "nothing of run $i runs" same "$(rest_of_session)" ''
        check 'the directories of earlier runs are gone' same "$(cd "$RUN" && echo [0-9]*)" "$i"
    done
    prepare || return
    check 'what was left in GOTMPDIR is gone' [ ! -e "$RUN/tmp/left" ]
    check 'its streams are there' [ -p "$RUN/$N/out" ]
    # A run that was prepared and never ordered.
    say c 'stop kill'
    order echo next && text c 'out next' && ended 0 && text c "end $N" || return
    check 'its directory is gone too' same "$(cd "$RUN" && echo [0-9]*)" "$N"
    over
}

# An order to end that comes before there is a process to end.
case_stop_at_once() {
    local i
    begin stop_at_once
    ready || return
    for i in kill detach now; do
        prepare || return
        streams "s$i" "$N"
        run_dlv c "$N" exec "$TMP/prog.bin" -- show
        say c "stop $i"
        control c "exited $N *" && text c "end $N" || return
        pass "stop $i"
        check 'no dlv is left' same "$(rest_of_session)" ''
        wait "${M[s$i]}"
    done
    say c 'stop kill'
    order sh -c 'exit 3' && ended 3 || return
    pass 'a stop without a run is not kept for the next one'
    over
}

# Attach mode: the first start time is what counts, and the process lives on.
case_stop_attached() {
    begin stop_attached
    "$TMP/prog.bin" show >/dev/null &
    PROGRAM=$!
    local other
    sleep 1000 &
    other=$!
    ready || return
    prepare || return
    param c attach 1
    param c pid "$PROGRAM"
    ATTACH='' run_dlv c "$N" attach "$PROGRAM"
    control c "started $N" && text c 'log API server listening at: *' || return
    say c 'stop detach'
    control c "exited $N *" || return
    check 'the program lives' kill -0 "$PROGRAM"
    is_alive "$PROGRAM" 0
    is_alive "$other" 1
    is_alive 'x; exit 0' 1
    is_alive '' 1
    kill "$other" "$PROGRAM"
    wait "$other" "$PROGRAM"
    is_alive "$PROGRAM" 1
    over
}
is_alive() { # PID STATUS
    prepare || return
    param c kind alive
    param c pid "$1"
    say c "run $N"
    ended "$2" && pass "alive: $2"
}

case_command() {
    local odd status
    begin command
    odd=$'quote\' "double" $(touch '"$D"$'/evil) `x` \\ \\0101 %s\ttab\nline\n\n'
    ready nodelve=1 "goenv=GOPRIVATE=example.com" || return
    check 'dlv is not looked for' same "$(grep '^tool dlv' "$D/c.control.log")" ''
    order sh -c 'echo out; echo err >&2; exit 41' && text c 'out out' && text c 'out err' && ended 41 || return
    pass 'lines and exit status'
    order sh -c 'kill -9 $$' && ended 137 || return
    pass 'the status of a signal'
    order no-such-command && text c 'out no-such-command: not found *PATH*' && ended 127 || return
    pass 'a command that is not there'
    # Names that the supervisor's own script has.
    order decode && ended 127 || return
    pass 'a function of the script is no command'
    order "$D" && ended 126 || return
    pass 'a directory is no command'
    prepare || return
    streams s "$N"
    param c kind command
    param c streams 1
    param c gocache "$D/other cache"
    param c env "ODD=$odd"
    param c env PATH=/usr/bin:/bin
    param c env IFS=x-/
    param c cwd "$D"
    for p in bash -c 'env -0; printf "%s\0" "$PWD" "$@"; echo error >&2; exit 7' bash "$odd" '' -x; do
        param c arg "$p"
    done
    say c "run $N"
    ended 7 || return
    wait "${M[s]}"
    for p in "GOCACHE=$D/other cache" "GOMODCACHE=$D/home/go/pkg/mod" "GOTMPDIR=$RUN/tmp" "ODD=$odd" GOPRIVATE=example.com; do
        check "environment: ${p%%=*}" grep -qzxF -- "$p" "$D/s.stdout"
    done
    printf '%s\0' "$D" "$odd" '' -x | cmp - <(tail -z -n 4 "$D/s.stdout")
    check 'arguments and directory arrive exactly' [ $? = 0 ]
    check 'nothing was evaluated' [ ! -e "$D/evil" ]
    check 'stderr apart' same "$(cat "$D/s.stderr")" error
    check 'go is found first' same "$(tr '\0' '\n' <"$D/s.stdout" | sed -n 's/^PATH=//p' | cut -d: -f1)" "$(dirname "$(sed -n 's/^tool go //p' "$D/c.control.log")")"
    over
}

# A command that heeds no signal, with children: all of it is ended.
case_command_stopped() {
    begin command_stopped
    ready || return
    order sh -c 'trap "" TERM; sleep 4711 & sleep 4712 & echo here; wait' && text c 'out here' || return
    say c 'stop kill'
    ended 137 || return
    check 'its children are gone' same "$(rest_of_session)" ''
    order sh -c 'trap "exit 9" TERM; echo here; while :; do sleep 0.1; done' && text c 'out here' || return
    say c 'stop kill'
    ended 9 || return
    pass 'it is asked first'
    order sh -c 'trap "" TERM; echo here; while :; do sleep 0.1; done' && text c 'out here' || return
    over
}

# What a command prints is not taken for Delve.
case_command_imitates() {
    begin command_imitates
    ready || return
    order sh -c 'echo "API server listening at: 127.0.0.1:1"; echo "end 1"; sleep 4711' &&
        text c "out end 1" || return
    check 'no port' [ ! -e "$RUN/$N/port" ]
    say c 'stop kill'
    ended 143 && text c "end $N" || return
    over
}

case_lock() {
    local lock holder
    begin lock
    ready || return
    lock="$D/home/go/pkg/mod/cache/download/example.com/m/@v/v1.0.0.lock"
    mkdir -p "${lock%/*}" "$D/hold"
    mkfifo "$D/hold/on" "$D/hold/go"
    # shellcheck disable=SC2016 # for that shell
    setsid flock "$lock" sh -c 'echo >"$0/on"; read -r x <"$0/go"' "$D/hold" >"$D/hold.log" 2>&1 &
    read -r -t "$LIMIT" LINE <>"$D/hold/on"
    holder=$(sed -n "s/^[0-9]*: FLOCK *ADVISORY *WRITE \([0-9]*\) [^ ]*:$(stat -c %i "$lock") .*/\1/p" /proc/locks)
    order flock "$lock" echo through || return
    control c "note the module cache is locked by process $holder (flock): waiting for it ($lock)" || return
    pass 'who holds the lock'
    echo >"$D/hold/go"
    text c 'out through' && control c 'note the lock is free, going on' && ended 0 || return
    pass 'it goes on'
    # The one that took it is gone; its child holds it.
    # shellcheck disable=SC2016 # for that shell
    setsid sh -c 'exec 9>"$1"; flock 9; echo $$ >"$0/on"; exec 3<>"$0/go"; read -r x <&3' "$D/hold" "$lock" >"$D/hold.log" 2>&1 &
    read -r -t "$LIMIT" holder <>"$D/hold/on"
    # The kernel names such a lock only where the number of the one that took it is still known: not in a pid namespace.
    if ! grep -q ":$(stat -c %i "$lock") " /proc/locks; then
        printf 'skip %s %s: its heir: /proc/locks does not hold it here\n' "$SH" "$CASE"
        SKIPPED=$((SKIPPED + 1))
        kill "$holder"
        over
        return
    fi
    order flock "$lock" echo through || return
    control c "note the module cache is locked by process $holder (sh): waiting for it ($lock)" || return
    pass 'the heir of the lock'
    say c 'stop kill'
    ended 143 || return
    check 'what was ended does not go on' same "$(grep -c 'note the lock is free' "$D/c.control.log")" 1
    kill "$holder"
    # A lock that the session holds itself is none of another's.
    order flock "$lock" sh -c 'flock -w 4 "$0" true' "$lock" && ended 1 || return
    check 'not told' same "$(grep -c 'note the module cache' "$D/c.control.log")" 2
    over
}
