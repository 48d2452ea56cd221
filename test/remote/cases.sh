# shellcheck shell=bash
# shellcheck disable=SC2034 # variables that lib.sh reads
# What the supervisor promises, one function each; every one runs under every shell.

environ_of() { # PID NAME
    tr '\0' '\n' <"/proc/$1/environ" | sed -n "s/^$2=//p"
}
# Byte for byte, newlines too, which grep takes for several patterns.
environ_has() { # PID NAME=VALUE
    local want
    want=$(printf %s "$2" | tr '\n' '\1')
    tr '\n\0' '\1\n' <"/proc/$1/environ" | grep -qaxF -- "$want"
}

case_life() {
    local status fds rest odd
    local -a args
    begin life
    RC='echo noise; echo "delvegate hello 1 OTHER"; printf "no newline"; printf "noise too" >&2; '
    # shellcheck disable=SC2016 # the very characters
    odd=$'quote\' "double" $(touch '"$D"$'/evil) `x` \\ \\0101 %s\ttab\nline\n\n'
    args=("$odd" '' ' ' $'Gr\xc3\xbc\xc3\x9fe' $'\xff\xc3' '*' '-x' "$(printf '%03000d' 0)")
    session c 'goenv=GOPRIVATE=example.com' "goenv=GOINSECURE=$odd" || return
    RC=
    control c "tool go /*/go" && control c 'tool goVersion go version go*' && control c 'tool dlv /*/dlv' &&
        control c 'tool dlvVersion Version: *' && control c "tool GOCACHE $TMP/gocache" &&
        control c "tool GOMODCACHE $D/home/go/pkg/mod" && control c "dir $RUN" && control c ready || return
    pass 'tools, directory, ready, after a noisy login shell'
    KEEPER=$(cut -d' ' -f1 "$RUN/keeper")
    check 'the directory is private' same "$(stat -c %a "$RUN")" 700
    say c 'prepare 1'
    control c 'prepared 1' || return
    streams s 1
    for p in "ODD=$odd" "LONG=$(printf '%09000d' 7)" "run=mine" "key=mine" "value=mine" "IFS=x-/" "GOCACHE=/elsewhere" \
        "GOMODCACHE=/elsewhere" "UID=7" "A(x86)=1" "EMPTY=" "OPTIND=abc"; do
        param c env "$p"
    done
    param c unset REMOVED
    param c cwd "$TMP"
    run_dlv c 1 exec "$TMP/prog.bin" --wd="$D/home" -- show "${args[@]}"
    control c 'started 1' && control c 'note *UID*' && control c 'note *A(x86)*' && control c 'note *OPTIND*' &&
        text c 'log API server listening at: *' || return
    up
    say c launched
    DLV=$(cat "$RUN/1/pid")
    check 'pins in the command line' has "$(tr '\0' ' ' <"/proc/$DLV/cmdline")" "*/dlv exec * --headless=true --api-version=2 --only-same-user=true --accept-multiclient=true --listen=127.0.0.1:0 *"
    for p in "GOCACHE=$TMP/gocache" "GOMODCACHE=$D/home/go/pkg/mod" "GOTMPDIR=$RUN/tmp" "ODD=$odd" \
        "LONG=$(printf '%09000d' 7)" run=mine key=mine value=mine IFS=x-/ GOPRIVATE=example.com "GOINSECURE=$odd" EMPTY=; do
        check "environment: ${p%%=*}" environ_has "$DLV" "$p"
        check "the program's: ${p%%=*}" environ_has "$PROGRAM" "$p"
    done
    for p in GOROOT GOBIN GOTOOLDIR NOTIFY_SOCKET LISTEN_FDS REMOVED 'dg_[a-z]*' delvegate_nonce; do
        check "not in the environment: $p" same "$(environ_of "$DLV" "$p")" ''
    done
    check 'nothing was evaluated' [ ! -e "$D/evil" ]
    check 'working directory of dlv' same "$(readlink "/proc/$DLV/cwd")" "$TMP"
    check 'working directory of the program' same "$(readlink "/proc/$PROGRAM/cwd")" "$D/home"
    check 'go is found first' same "$(environ_of "$DLV" PATH | cut -d: -f1)" "$TMP/$SH"
    same "$(tr '\0' '\n' <"/proc/$PROGRAM/cmdline" | tail -n +3 | od -c)" "$(printf '%s\n' "${args[@]}" | od -c)"
    check 'arguments arrive exactly' [ $? = 0 ]
    # HUP, INT, QUIT and TERM: what a shell may have set for it. Others come from whoever started the tests.
    local ignored
    ignored=$(sed -n 's/^SigIgn:\t//p' "/proc/$PROGRAM/status")
    check 'the program ignores no signal that ends it' same "$((0x$ignored & 0x4007))" 0
    check 'umask is the login shell'"'"'s' grep -qx "umask $(umask | sed 's/^00*//')" "$D/s.stdout"
    fds=$(for f in /proc/"$PROGRAM"/fd/*; do
        readlink "$f"
    done | grep -e "$RUN/ctl" -e "$RUN/rsp" -e "$RUN/text" -e "$RUN/runs" -e "$RUN/.*/log" -e "$RUN/.*/own" -e "$D/c")
    check 'the program holds nothing of the supervisor' same "$fds" ''
    fds=$(for f in /proc/"$KEEPER"/fd/* /proc/"$DLV"/fd/*; do
        readlink "$f"
    done | grep -e "$D/c\." -e "$D/s\.")
    check 'the keeper holds nothing of the connection' same "$fds" ''
    check 'a session of its own' same "$(ps -o sid= -p "$PROGRAM" | tr -d ' ')" "$KEEPER"
    say c beat
    say c 'end kill'
    control c 'exited 1 *' && text c 'end 1' && control c ended || return
    check 'nothing is left' nothing_left
    wait "${M[s]}"
    finish c
}

case_output() {
    local n=200000
    begin output
    running print $n || return
    printed s.stdout '*0 out'
    printed s.stderr '*0 err'
    say c launched
    # The streams end with the program, though dlv lives on.
    wait "${M[s]}"
    check 'dlv lives' kill -0 "$DLV"
    { seq -f '%09.0f out' 0 $((n - 1)) && printf 'the end'; } | cmp - "$D/s.stdout"
    check 'stdout is complete' [ $? = 0 ]
    { seq -f '%09.0f err' 0 $((n - 1)) && printf 'the end'; } | cmp - "$D/s.stderr"
    check 'stderr is complete' [ $? = 0 ]
    say c 'end kill'
    control c ended
    check 'nothing is left' nothing_left
    finish c
}

# A reader that goes away and comes back: the program waits, nothing kills it.
case_reader_lost() {
    local readers n=100000 left=$((LIMIT * 20))
    begin reader_lost
    session c && control c ready || return
    KEEPER=$(cut -d' ' -f1 "$RUN/keeper")
    say c 'prepare 1'
    control c 'prepared 1' || return
    streams s 1
    until read -r -a readers 2>/dev/null <"$RUN/1/readers" || [ $((left -= 1)) -le 0 ]; do
        sleep 0.05
    done
    # These readers take nothing any more, as those of a dead link do.
    kill -STOP "${readers[0]}" "${readers[2]}"
    run_dlv c 1 exec "$TMP/prog.bin" -- print $n
    control c 'started 1' && text c 'log API server listening at: *' || return
    streams again 1
    printed again.stdout '*0 out'
    printed again.stderr '*0 err'
    say c launched
    wait "${M[again]}"
    wait "${M[s]}"
    { seq -f '%09.0f out' 0 $((n - 1)) && printf 'the end'; } | cmp - "$D/again.stdout"
    check 'the later reader gets all of stdout' [ $? = 0 ]
    { seq -f '%09.0f err' 0 $((n - 1)) && printf 'the end'; } | cmp - "$D/again.stderr"
    check 'the later reader gets all of stderr' [ $? = 0 ]
    say c 'end kill'
    control c ended
    check 'nothing is left' nothing_left
    finish c
}

# A session whose build has begun and does not end: tool is a process of it.
building() {
    mkfifo "$D/building"
    printf '#!/bin/sh\necho $$ >%s\nexec sleep 1000\n' "$D/building" >"$D/slow"
    chmod 755 "$D/slow"
    GOCACHE_PARAM=$D/cache session c "goenv=GOFLAGS=-toolexec=$D/slow" && control c ready || return
    KEEPER=$(cut -d' ' -f1 "$RUN/keeper")
    say c 'prepare 1'
    control c 'prepared 1' || return
    param c cwd "$TMP/prog"
    run_dlv c 1 debug --output="$RUN/1/__debug_bin" . -- show
    read -t $LIMIT -r tool <>"$D/building" || fail 'no build'
}

case_end_in_build() {
    begin end_in_build
    local tool
    building || return
    check 'pins of the build' environ_has "$tool" "GOCACHE=$D/cache"
    check 'GOTMPDIR of the build' environ_has "$tool" "GOTMPDIR=$RUN/tmp"
    say c 'end kill'
    control c 'exited 1 *' && text c 'end 1' && control c ended || return
    check 'nothing is left' nothing_left
    check 'the build has ended' gone "$tool"
    check 'nothing in the source directory' same "$(ls "$TMP/prog")" "$(ls "$ROOT/test/remote/prog")"
    finish c
}

# A build that fails, and the next run of the same keeper.
case_build_fails() {
    begin build_fails
    mkdir -p "$D/broken"
    cp "$TMP/prog/go.mod" "$D/broken"
    printf 'package main\n\nfunc main() { undefinedName() }\n\n// %05000d\n' 0 >"$D/broken/main.go"
    session c && control c ready || return
    KEEPER=$(cut -d' ' -f1 "$RUN/keeper")
    say c 'prepare 1'
    control c 'prepared 1' || return
    param c cwd "$D/broken"
    run_dlv c 1 debug --output="$RUN/1/__debug_bin" . --
    text c 'out *undefinedName*' && text c 'end 1' && control c 'exited 1 1' || return
    pass "the compiler's words"
    say c 'prepare 2'
    control c 'prepared 2' || return
    streams s 2
    run_dlv c 2 exec "$TMP/prog.bin" -- show
    control c 'started 2' && text c 'log API server listening at: *' || return
    up
    say c 'end kill'
    control c 'exited 2 *' && control c ended || return
    check 'nothing is left' nothing_left
    finish c
}

case_cannot_start() {
    begin cannot_start
    session c && control c ready || return
    KEEPER=$(cut -d' ' -f1 "$RUN/keeper")
    say c 'run 1'
    control c 'error protocol *' || return
    say c 'prepare 1'
    control c 'prepared 1' || return
    param c cwd "$TMP/nonexistent/directory"
    run_dlv c 1 exec "$TMP/prog.bin" --
    control c 'started 1' && control c 'error missing *nonexistent/directory' && control c 'exited 1 126' &&
        text c 'end 1' && pass 'a missing working directory is named'
    say c 'prepare 2'
    control c 'prepared 2' || return
    param c cwd "$TMP/prog.bin"
    param c kind command
    param c arg pwd
    say c 'run 2'
    control c 'started 2' && control c "error notdir $TMP/prog.bin" && control c 'exited 2 126' &&
        text c 'end 2' && pass 'a working directory that is none is named'
    say c 'prepare 3'
    control c 'prepared 3' || return
    param c need "$TMP/prog.bin"
    param c needdir "$TMP/no/such directory"
    run_dlv c 3 exec "$TMP/prog.bin" --
    control c 'started 3' && control c 'error missing *such*directory' && control c 'exited 3 126' &&
        text c 'end 3' && pass 'what is needed and missing is named before anything runs'
    say c 'end kill'
    control c ended
    check 'nothing is left' nothing_left
    finish c
}

case_dlv_killed() {
    begin dlv_killed
    running show || return
    up
    say c launched
    kill -9 "$DLV"
    control c 'exited 1 137' && text c 'end 1' || return
    check 'the program is ended too' gone "$PROGRAM"
    wait "${M[s]}"
    check 'the keeper lives' kill -0 "$KEEPER"
    say c 'end kill'
    control c ended
    check 'nothing is left' nothing_left
    finish c
}

# A client that is connected while the program runs: SIGTERM alone would hang Delve.
case_client_connected() {
    local port fd
    begin client_connected
    running show || return
    up
    port=$(cat "$RUN/1/port")
    exec {fd}<>"/dev/tcp/127.0.0.1/$port"
    printf 'Content-Length: 124\r\n\r\n%s' '{"seq":1,"type":"request","command":"initialize","arguments":{"adapterID":"go","linesStartAt1":true,"columnsStartAt1":true}}' >&"$fd"
    IFS= read -t $LIMIT -r LINE <&"$fd" || fail 'no DAP answer'
    say c 'end kill'
    control c ended || return
    exec {fd}>&-
    check 'nothing is left' nothing_left
    wait "${M[s]}"
    finish c
}

case_lease() {
    begin lease
    TRANSPORT=ssh LEASE=8 running show || return
    up
    hang_up c
    hang_up s
    check 'dlv and program are ended' gone "$PROGRAM"
    check 'nothing is left' nothing_left
    wait "${M[c]}"
}

# A link that is only silent: the relays live, nobody sends beats.
case_silent() {
    begin silent
    LEASE=8 running show || return
    up
    control c ended || return
    check 'nothing is left' nothing_left
    wait "${M[s]}"
    finish c
}

case_beats() {
    begin beats
    LEASE=2 running show || return
    up
    local i
    for i in 1 2 3 4; do
        # The pace of the beats is what is tested here.
        sleep 1
        say c beat
    done
    check 'beats keep it alive' kill -0 "$PROGRAM"
    say c 'end kill'
    control c ended
    check 'nothing is left' nothing_left
    wait "${M[s]}"
    finish c
}

door() { # NAME
    connect "$1" lines
    control "$1" 'delvegate hello 1 *' || return
    param "$1" role door
    param "$1" dir "$RUN"
    say "$1" begin
}

case_door() {
    begin door
    TRANSPORT=ssh running show || return
    up
    hang_up c
    hang_up s
    door d && control d ready && control d 'started 1' || return
    say d 'end kill'
    control d ended || return
    check 'nothing is left' nothing_left
    finish d
    door e && control e ended && pass 'a door to nothing'
    finish e
    wait "${M[c]}"
}

# The old connection looks alive (a half-open link): its relays are ended by the new door.
case_second_door() {
    begin second_door
    running show || return
    up
    door d && control d ready || return
    # Of the door that was left for another one the end is no end.
    hang_up c
    say d 'prepare 2'
    control d 'prepared 2' && check 'the program lives' kill -0 "$PROGRAM"
    say d 'end kill'
    control d ended || return
    check 'nothing is left' nothing_left
    finish d
    wait "${M[c]}"
}

case_keeper_killed() {
    begin keeper_killed
    running show || return
    up
    kill -9 "$KEEPER"
    control c 'error keeper *' && control c ended || return
    check 'nothing is left' nothing_left
    check 'the program too' gone "$PROGRAM"
    wait "${M[s]}"
    finish c
}

case_sigterm() {
    begin sigterm
    session c && control c ready || return
    KEEPER=$(cut -d' ' -f1 "$RUN/keeper")
    kill "$KEEPER"
    control c ended || return
    check 'nothing is left' nothing_left
    finish c
}

case_attach() {
    begin attach
    if [ "$(id -u)" != 0 ] && ! grep -qx 0 /proc/sys/kernel/yama/ptrace_scope 2>/dev/null; then
        printf 'skip %s %s: this user may not trace other processes\n' "$SH" "$CASE"
        SKIPPED=$((SKIPPED + 1))
        return
    fi
    printf '' >"$D/s.stdout"
    "$TMP/prog.bin" show >>"$D/s.stdout" &
    PROGRAM=$!
    up
    session c && control c ready || return
    KEEPER=$(cut -d' ' -f1 "$RUN/keeper")
    say c 'prepare 1'
    control c 'prepared 1' || return
    param c attach 1
    ATTACH='' run_dlv c 1 attach "$PROGRAM" --
    text c "log *attaching to pid*" || return
    say c 'end detach'
    control c 'exited 1 *' && control c ended || return
    check 'nothing is left' nothing_left
    check 'the process lives' kill -0 "$PROGRAM"
    check 'nobody traces it' grep -q '^TracerPid:[[:space:]]*0$' "/proc/$PROGRAM/status"
    kill -9 "$PROGRAM"
    finish c
}

# Somebody empties ~/.cache while the session runs.
case_directory_removed() {
    begin directory_removed
    LEASE=3 running show || return
    up
    rm -rf "$RUN"
    say c launched
    say c beat
    control c ended || return
    check 'nothing is left' nothing_left
    check 'the program too' gone "$PROGRAM"
    wait "${M[s]}"
    finish c
}

# The control loop is killed: the clock ends the session.
case_control_killed() {
    begin control_killed
    TRANSPORT=ssh LEASE=600 running show || return
    up
    hang_up c
    hang_up s
    local p control='' left=$((LIMIT * 20))
    # The helper that reads ctl is the one whose stdin it is, whenever it has nothing else to do.
    until [ -n "$control" ] || [ $((left -= 1)) -le 0 ]; do
        for p in $(ps -o pid= -s "$KEEPER"); do
            [ "$(readlink "/proc/$p/fd/0")" != "$RUN/ctl" ] || control=$p
        done
        [ -n "$control" ] || sleep 0.05
    done
    kill -9 "$control" || fail 'nobody reads ctl'
    check 'dlv and program are ended' gone "$PROGRAM"
    check 'nothing is left' nothing_left
}

# Ended before dlv is there.
case_end_at_once() {
    begin end_at_once
    session c && control c ready || return
    KEEPER=$(cut -d' ' -f1 "$RUN/keeper")
    say c 'prepare 1'
    control c 'prepared 1' || return
    run_dlv c 1 exec "$TMP/prog.bin" -- show
    say c 'end kill'
    control c ended || return
    check 'nothing is left' nothing_left
    check 'no dlv' same "$(pgrep -f "$RUN/1/log")" ''
    finish c
}

# A link that is half dead: the sshd process there still holds a connection to Delve. It is ended first, then Delve.
case_half_open() {
    local fd
    begin half_open
    mkfifo "$D/port"
    cp "$(command -v bash)" "$D/sshd"
    # Stands for sshd: started by that name, the parent of the shell, holding a connection to Delve's port.
    # shellcheck disable=SC2016 # for the shell named sshd
    RC='set -m; sh <&0 & read -r port <"'$D'/port"; exec 9<>"/dev/tcp/127.0.0.1/$port"; echo >"'$D'/port.held"; wait; '
    mkfifo "$D/port.held"
    LOGIN_PROGRAM=$D/sshd TRANSPORT=ssh LEASE=3 session c && control c ready || return
    RC=
    KEEPER=$(cut -d' ' -f1 "$RUN/keeper")
    check 'the sshd process is known' same "$(cut -d' ' -f1 "$RUN/sshd")" "${M[c]}"
    say c 'prepare 1'
    control c 'prepared 1' || return
    streams s 1
    run_dlv c 1 exec "$TMP/prog.bin" -- show
    control c 'started 1' && text c 'log API server listening at: *' || return
    up
    cat "$RUN/1/port" >"$D/port"
    read -t $LIMIT -r LINE <>"$D/port.held"
    control c 'exited 1 0' && control c ended || return
    check 'the sshd process is ended' gone "${M[c]}"
    check 'nothing is left' nothing_left
    wait "${M[s]}"
    hang_up c
}
