# shellcheck shell=bash
# The client's side of one supervisor: connections as named sets of pipes, lines awaited, never a time.
LIMIT=${LIMIT:-60} # seconds for anything awaited
NONCE=N0NCE
PASSED=0 FAILED=0
declare -A IN OUT ERR M

pass() {
    PASSED=$((PASSED + 1))
    printf 'ok   %s %s: %s\n' "$SH" "$CASE" "$1"
}
fail() {
    FAILED=$((FAILED + 1))
    printf 'FAIL %s %s: %s\n' "$SH" "$CASE" "$1"
    local f
    for f in "$D"/*.log; do
        [ ! -s "$f" ] || tail -n 12 "$f" | cut -c1-300 | sed "s|^|     ${f##*/}: |"
    done
}
check() { # WHAT COMMAND...
    local what=$1
    shift
    if "$@"; then pass "$what"; else fail "$what"; fi
}
same() { # GOT WANT
    [ "$1" = "$2" ] && return
    printf '     got:  %q\n     want: %q\n' "$1" "$2"
    return 1
}
has() { # TEXT PATTERN
    # shellcheck disable=SC2053 # a pattern
    [[ $1 == $2 ]] && return
    printf '     got:  %q\n     want: %q\n' "$1" "$2"
    return 1
}

# A case has a home, a directory for its pipes and an environment of its own.
begin() {
    KEEPER=
    CASE=$1 ID=id$RANDOM$RANDOM
    D=$TMP/$SH-$CASE
    mkdir -p "$D/home"
    RUN=$D/home/.cache/delvegate/$ID
    ENVIRONMENT=(-u XDG_CACHE_HOME -u XDG_CONFIG_HOME -u TMPDIR)
    local c
    for c in $(compgen -e GO); do # what go reads is a case's own
        ENVIRONMENT+=(-u "$c")
    done
    ENVIRONMENT+=("HOME=$D/home" "PATH=$TMP/$SH:$PATH" SHELL=/bin/sh)
    for c in "${!IN[@]}"; do
        hang_up "$c"
    done
    IN=() OUT=() ERR=() M=()
}

# Becomes a program that holds no pipe of a connection: it would never be seen to end.
apart() {
    local fd
    for fd in "${IN[@]}" "${OUT[@]}" "${ERR[@]}"; do
        exec {fd}>&-
    done
    exec "$@"
}

# Starts `sh` with three pipes, as a transport does, and sends it the script. RC: what a noisy login shell runs before.
connect() { # NAME lines|raw
    local c=$D/$1 fd
    mkfifo "$c.in" "$c.out" "$c.err"
    if [ "$2" = lines ]; then
        mkfifo "$c.outlines" "$c.errlines"
        apart "$SAY" lines $NONCE <"$c.out" 2>>"$c.noise" >"$c.outlines" &
        apart "$SAY" lines $NONCE <"$c.err" 2>>"$c.noise" >"$c.errlines" &
    else
        mkfifo "$c.greeted"
        apart "$SAY" raw $NONCE "$c.greeted" <"$c.out" 2>>"$c.noise" >"$c.stdout" &
        apart "$SAY" raw $NONCE <"$c.err" 2>>"$c.noise" >"$c.stderr" &
    fi
    apart env "${ENVIRONMENT[@]}" ${LOGIN_PROGRAM-sh} -c "${RC-}exec sh" <"$c.in" >"$c.out" 2>"$c.err" &
    M[$1]=$!
    exec {fd}>"$c.in"
    IN[$1]=$fd
    "$SAY" script $NONCE >&"$fd"
    [ "$2" = lines ] || return 0
    exec {fd}<"$c.outlines"
    OUT[$1]=$fd
    exec {fd}<"$c.errlines"
    ERR[$1]=$fd
}

# Reads lines of one output until one fits; LINE is it. False at the end or after LIMIT.
await() { # FD LOG PATTERN
    while IFS= read -t $LIMIT -r -u "$1" LINE; do
        printf '%s\n' "$LINE" >>"$2"
        # shellcheck disable=SC2053 # a pattern
        [[ $LINE == $3 ]] && return
    done
    LINE=
    return 1
}
control() { # NAME PATTERN
    await "${OUT[$1]}" "$D/$1.control.log" "$2" || { fail "no control line like '$2'"; return 1; }
}
text() { # NAME PATTERN
    await "${ERR[$1]}" "$D/$1.text.log" "$2" || { fail "no text line like '$2'"; return 1; }
}
say() { # NAME LINE; nobody may read any more, which must not end the tests
    (printf '%s\n' "$2" >&"${IN[$1]}") 2>/dev/null
}
param() { # NAME KEY VALUE
    "$SAY" param "$2" "$3" >&"${IN[$1]}"
}
hang_up() { # NAME: the connection is lost: all three pipes, and nobody says so
    local fd
    for fd in "${IN[$1]-}" "${OUT[$1]-}" "${ERR[$1]-}"; do
        [ -z "$fd" ] || exec {fd}>&-
    done
    unset "IN[$1]" "OUT[$1]" "ERR[$1]"
}

# A session up to `ready`; more parameters as KEY=VALUE.
session() { # NAME [KEY=VALUE...]
    local name=$1 p
    shift
    connect "$name" lines
    control "$name" 'delvegate hello 1 *' || return 1
    param "$name" role session
    param "$name" transport "${TRANSPORT:-local}"
    param "$name" id "$ID"
    param "$name" lease "${LEASE:-600}"
    [ -z "${GOCACHE_PARAM-$TMP/gocache}" ] || param "$name" GOCACHE "${GOCACHE_PARAM-$TMP/gocache}"
    for p; do
        param "$name" "${p%%=*}" "${p#*=}"
    done
    say "$name" begin
}

streams() { # NAME RUN
    connect "$1" raw
    read -t $LIMIT -r LINE <>"$D/$1.greeted" || fail "no greeting of $1"
    param "$1" role streams
    param "$1" dir "$RUN"
    param "$1" run "$2"
    say "$1" begin
}

# dlv's arguments as delve_plan_argv gives them, with --continue, so that no DAP client is needed.
run_dlv() { # NAME RUN COMMAND [POSITIONAL] -- PROGRAM'S ARGUMENTS
    local name=$1 n=$2 a
    shift 2
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        param "$name" arg "$1"
        shift
    done
    for a in --log "--log-dest=$RUN/$n/log" ${ATTACH---continue} --headless=true --api-version=2 --only-same-user=true \
        --accept-multiclient=true --listen=127.0.0.1:0; do
        param "$name" arg "$a"
    done
    if [ -z "${ATTACH+x}" ]; then
        for a in -r "stdout:$RUN/$n/out" -r "stderr:$RUN/$n/err"; do
            param "$name" arg "$a"
        done
    fi
    for a; do
        param "$name" arg "$a"
    done
    say "$name" "run $n"
}

# Up to a program that runs: session c, streams s, run 1 of prog.bin.
running() { # PROGRAM'S ARGUMENTS
    session c && control c ready || return 1
    KEEPER=$(cut -d' ' -f1 "$RUN/keeper")
    say c 'prepare 1'
    control c 'prepared 1' || return 1
    streams s 1
    run_dlv c 1 exec "$TMP/prog.bin" -- "$@"
    control c 'started 1' && text c 'log API server listening at: *' || return 1
    DLV=$(cat "$RUN/1/pid")
}
# Waits for a line in what the program printed; LINE is it.
printed() { # FILE PATTERN
    local fd tail
    exec {fd}< <(exec tail -n +1 -s 0.1 -f "$D/$1")
    tail=$!
    await "$fd" "$D/program.log" "$2" || fail "the program did not print $2"
    exec {fd}<&-
    kill "$tail"
}
up() { # waits for the program's line `up PID`; PROGRAM is its pid
    printed s.stdout 'up *'
    PROGRAM=${LINE#up }
}

gone() { # PID; a zombie is gone too: not every init of a container reaps
    local left=$((LIMIT * 20)) state
    while IFS= read -r state 2>/dev/null <"/proc/$1/stat"; do
        state=${state##*) }
        [ "${state%% *}" != Z ] || return 0
        [ $((left -= 1)) -gt 0 ] || return 1
        sleep 0.05
    done
}
# What a case that failed left running.
clear_away() {
    local p
    [ -n "$KEEPER" ] || return 0
    for p in $(ps -o pid= -s "$KEEPER"); do
        kill -9 "$p" 2>/dev/null
    done
}
# Nothing of the keeper's session and no run directory is left.
nothing_left() {
    local rest
    gone "$KEEPER"
    rest=$(ps -o pid,args -s "$KEEPER" --no-headers | grep -v '<defunct>')
    same "$rest" '' && [ ! -e "$RUN" ]
}
finish() { # NAME: the session was ended: the shell says so and leaves
    local status
    hang_up "$1"
    wait "${M[$1]}"
    status=$?
    check "$1 exits with 0" same "$status" 0
}
# What a run leaves when it ends, or is ended, in the middle of a case: its jobs, each a process group, and all that has a
# case's home, which keepers have made sessions of.
leave() {
    local p
    trap '' HUP INT PIPE TERM
    exec 2>/dev/null # of whom bash says that they were killed
    for p in $(jobs -p); do
        kill -KILL -- "-$p" 2>/dev/null
    done
    for p in $(grep -lsaF "HOME=$TMP/" /proc/[0-9]*/environ); do
        p=${p#/proc/}
        kill -KILL "${p%/environ}" 2>/dev/null
    done
    [ -n "${KEEP-}" ] || { chmod -R u+w "$TMP"; rm -rf "$TMP"; }
}
