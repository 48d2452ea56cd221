# shellcheck shell=bash
# shellcheck disable=SC2034 # variables that lib.sh reads
# What is left when delvegate, or the supervisor itself, is killed; every case runs under every shell.

may_trace() {
    [ "$(id -u)" = 0 ] || grep -qx 0 /proc/sys/kernel/yama/ptrace_scope 2>/dev/null && return
    printf 'skip %s %s: this user may not trace other processes\n' "$SH" "$CASE"
    SKIPPED=$((SKIPPED + 1))
    return 1
}

# Up to a program that dlv has attached to, stopped there: session c, run 1. It ends with the case.
attached() {
    printf '' >"$D/s.stdout"
    "$TMP/prog.bin" show >>"$D/s.stdout" &
    PROGRAM=$!
    up
    session c && control c ready || return
    KEEPER=$(cut -d' ' -f1 "$RUN/keeper")
    say c 'prepare 1'
    control c 'prepared 1' || return
    param c attach 1
    param c pid "$PROGRAM"
    ATTACH='' run_dlv c 1 attach "$PROGRAM" --
    text c 'log API server listening at: *' || return
    DLV=$(cat "$RUN/1/pid")
}
traced_by_none() {
    local left=$((LIMIT * 20))
    until grep -q '^TracerPid:[[:space:]]*0$' "/proc/$PROGRAM/status" && ! grep -q '^State:[[:space:]]*[tT]' "/proc/$PROGRAM/status"; do
        [ $((left -= 1)) -gt 0 ] || return 1
        sleep 0.05
    done
}
attached_over() {
    check 'the process lives' kill -0 "$PROGRAM"
    check 'nobody traces it, and it is not stopped' traced_by_none
    kill -9 "$PROGRAM"
}

# delvegate was killed on this very machine: no lease is waited for.
case_local_gone() {
    begin local_gone
    running show || return
    up
    hang_up c
    hang_up s
    check 'nothing is left' nothing_left
    check 'the program too' gone "$PROGRAM"
    wait "${M[c]}" "${M[s]}"
}

case_local_gone_build() {
    begin local_gone_build
    local tool
    building || return
    hang_up c
    check 'the build has ended' gone "$tool"
    check 'nothing is left' nothing_left
    wait "${M[c]}"
}

case_local_gone_idle() {
    begin local_gone_idle
    session c && control c ready || return
    KEEPER=$(cut -d' ' -f1 "$RUN/keeper")
    hang_up c
    check 'nothing is left' nothing_left
    wait "${M[c]}"
}

# Before there is a keeper: a go that takes its time.
case_gone_at_start() {
    begin gone_at_start
    mkdir "$D/slow"
    mkfifo "$D/asked" "$D/answer"
    printf '#!/bin/sh\n[ "$1" != version ] || { echo >"%s"; read -r line <"%s"; }\nexec "%s" "$@"\n' "$D/asked" "$D/answer" "$(readlink -f "$(type -P go)")" >"$D/slow/go"
    chmod 755 "$D/slow/go"
    session c "go=$D/slow/go"
    read -t $LIMIT -r LINE <>"$D/asked" || fail 'no go'
    check 'its directory is there' [ -d "$RUN" ]
    hang_up c
    echo >"$D/answer"
    wait "${M[c]}"
    check 'no directory is left' [ ! -e "$RUN" ]
}

# More than pipes hold was said when nobody read any more.
case_local_gone_loud() {
    begin local_gone_loud
    session c && control c ready || return
    KEEPER=$(cut -d' ' -f1 "$RUN/keeper")
    say c 'prepare 1'
    control c 'prepared 1' || return
    param c kind command
    for a in sh -c 'yes "a line that is long enough" & echo begun; wait'; do
        param c arg "$a"
    done
    say c 'run 1'
    text c 'out begun' || return
    hang_up c
    check 'nothing is left' nothing_left
    wait "${M[c]}"
}

case_local_gone_attached() {
    begin local_gone_attached
    may_trace && attached || return
    hang_up c
    check 'nothing is left' nothing_left
    wait "${M[c]}"
    attached_over
}

# ---- sweeping

# A sweep's notes, up to its end, in NOTES.
swept() { # NAME
    NOTES=
    connect "$1" lines
    control "$1" 'delvegate hello 1 *' || return
    param "$1" role sweep
    say "$1" begin
    while IFS= read -t $LIMIT -r -u "${OUT[$1]}" LINE && [ "$LINE" != ended ]; do
        NOTES+=$LINE$'\n'
    done
    check 'the sweep comes to its end' same "$LINE" ended
    finish "$1"
}

# The supervisor dies with nobody to notice: dlv and what it has started live on.
supervisor_killed() {
    kill -9 "${M[c]}" "$KEEPER"
    gone "$KEEPER"
}

case_sweep_session() {
    begin sweep_session
    running show || return
    up
    supervisor_killed
    check 'the program has outlived its supervisor' kill -0 "$PROGRAM"
    swept w
    check 'it is told' has "$NOTES" "note *removed $RUN,*processes*$PROGRAM*"
    check 'the program is ended' gone "$PROGRAM"
    check 'nothing is left' nothing_left
    hang_up c
    hang_up s
    wait "${M[c]}" "${M[s]}"
}

case_sweep_attached() {
    begin sweep_attached
    may_trace && attached || return
    supervisor_killed
    swept w
    check 'it is told' has "$NOTES" "note *removed $RUN,*processes*$DLV*"
    check 'nothing is left' nothing_left
    attached_over
    hang_up c
    wait "${M[c]}"
}

case_sweep_living() {
    begin sweep_living
    running show || return
    up
    swept w
    check 'nothing is told' same "$NOTES" ''
    check 'the program lives' kill -0 "$PROGRAM"
    say c 'end kill'
    control c ended
    check 'nothing is left' nothing_left
    wait "${M[s]}"
    finish c
}

case_sweep_places() {
    local base there
    begin sweep_places
    mkdir -m 700 "$D/elsewhere" "$D/elsewhere/kept" "$D/tmp" "$D/cache"
    ENVIRONMENT+=("XDG_CACHE_HOME=$D/cache" "TMPDIR=$D/tmp")
    for base in "$D/cache/delvegate" "$D/home/.cache/delvegate" "$D/home/.delvegate" "$D/tmp/delvegate-$(id -u)"; do
        mkdir -m 700 -p "${base%/*}" "$base"
        mkdir -p "$base/dead/1" "$base/unwritten" "$base/empty" "$base/young" "$base/foreign" "$base/foreignold"
        echo "$$ 1" >"$base/dead/keeper"
        printf '' >"$base/unwritten/keeper"
        for there in foreign foreignold; do
            echo '1 1' >"$base/$there/keeper"
            echo "another-machine" >"$base/$there/host"
            printf '' >"$base/$there/beat"
        done
        printf '' >"$base/a-file"
        ln -s "$D/elsewhere" "$base/link"
        touch -d '2 hours ago' "$base/unwritten" "$base/empty" "$base/foreignold/beat" "$base/foreignold" "$base/foreign" "$base/a-file"
    done
    swept w
    for base in "$D/cache/delvegate" "$D/home/.cache/delvegate" "$D/home/.delvegate" "$D/tmp/delvegate-$(id -u)"; do
        check "$base: what is dead is gone" same "$(cd "$base" && echo *)" 'a-file foreign link young'
        check "$base: it is told" has "$NOTES" "*removed $base/dead,*"
    done
    check 'one line for each' same "$(printf %s "$NOTES" | wc -l)" 16
    check 'no link is followed' [ -d "$D/elsewhere/kept" ]
}

# A directory that anyone may write, or a link, is nobody's.
case_sweep_shared() {
    begin sweep_shared
    mkdir -p "$D/home/.cache/delvegate/dead" "$D/home/real/dead"
    chmod 777 "$D/home/.cache/delvegate"
    chmod 700 "$D/home/real"
    ln -s real "$D/home/.delvegate"
    echo "$$ 1" >"$D/home/.cache/delvegate/dead/keeper"
    echo "$$ 1" >"$D/home/real/dead/keeper"
    ENVIRONMENT+=("TMPDIR=$D/home")
    swept w
    check 'nothing is told' same "$NOTES" ''
    check 'nothing is touched' [ -e "$D/home/.cache/delvegate/dead" ]
    check 'nor behind a link' [ -e "$D/home/real/dead" ]
}

# What a machine that was switched off leaves is cleared away by the next session.
case_stale_directory() {
    begin stale_directory
    mkdir -m 700 -p "$D/home/.cache" "$D/home/.cache/delvegate"
    mkdir -p "$D/home/.cache/delvegate/old/1" "$D/home/.cache/delvegate/young"
    # A number that is somebody else's now.
    echo "$$ 1" >"$D/home/.cache/delvegate/old/keeper"
    session c && control c ready || return
    KEEPER=$(cut -d' ' -f1 "$RUN/keeper")
    check 'the dead one is gone' [ ! -e "$D/home/.cache/delvegate/old" ]
    check 'one that is being made is not' [ -e "$D/home/.cache/delvegate/young" ]
    say c 'end kill'
    control c ended
    check 'nothing is left' nothing_left
    finish c
}
