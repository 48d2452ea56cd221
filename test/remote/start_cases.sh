# shellcheck shell=bash
# shellcheck disable=SC2034 # variables that lib.sh reads
# Finding tools and a place for the run directory, and the words when there is none.

# Copies of the commands that a bare machine has, without go and dlv.
bare_path() {
    local p
    mkdir -p "$D/bare"
    for p in env sh cat dd sed tr od ls id mkdir mkfifo rm mv chmod grep tail head sleep setsid printenv fold; do
        ln -sf "$(command -v $p)" "$D/bare/$p"
    done
    ln -sf "$TMP/$SH/sh" "$D/bare/sh"
}

case_tools_login_shell() {
    begin tools_login_shell
    bare_path
    mkdir -p "$D/only here"
    ln -s "$(command -v go)" "$(command -v dlv)" "$D/only here"
    printf '#!/bin/sh\necho Welcome\necho "delvegate-path is noise"\nPATH="%s:$PATH"\nexport PATH\nshift\neval "$@"\n' "$D/only here" >"$D/login"
    chmod 755 "$D/login"
    ENVIRONMENT+=("PATH=$D/bare" "SHELL=$D/login")
    session c && control c "tool go $D/only here/go" && control c "tool dlv $D/only here/dlv" && control c ready || return
    pass "the login shell's PATH"
    KEEPER=$(cut -d' ' -f1 "$RUN/keeper")
    say c 'end kill'
    control c ended
    check 'nothing is left' nothing_left
    finish c
}

case_tools_home() {
    begin tools_home
    bare_path
    mkdir -p "$D/home/go/bin" "$D/home/sdk/go1.1/bin"
    ln -s "$(command -v dlv)" "$D/home/go/bin"
    ln -s "$(readlink -f "$(command -v go)")" "$D/home/sdk/go1.1/bin/go"
    printf '#!/bin/sh\nexec sleep 1000\n' >"$D/hangs"
    chmod 755 "$D/hangs"
    ENVIRONMENT+=("PATH=$D/bare" "SHELL=$D/hangs")
    session c && control c 'tool go *' || return
    pass "found although the login shell hangs"
    control c "tool dlv $D/home/go/bin/dlv" && control c ready || return
    KEEPER=$(cut -d' ' -f1 "$RUN/keeper")
    say c 'end kill'
    control c ended
    check 'nothing is left' nothing_left
    finish c
}

case_tools_missing() {
    begin tools_missing
    bare_path
    printf '#!/bin/sh\nexec env -i PATH=/nowhere "$D/bare/sh" -c "$2"\n' >"$D/poor"
    chmod 755 "$D/poor"
    ENVIRONMENT+=("PATH=$D/bare" "SHELL=$D/poor" "GOPATH=$D/gopath")
    session c && control c "error notfound * was not found */usr/local/go/bin*go/bin*.path" || return
    wait "${M[c]}"
    check 'no directory is left' [ ! -e "$RUN" ]
    hang_up c
}

case_tool_configured() {
    begin tool_configured
    session c "dlv=/nonexistent/dlv" && control c 'error notfound delve.path is /nonexistent/dlv*' || return
    wait "${M[c]}"
    check 'no directory is left' [ ! -e "$RUN" ]
    hang_up c
}

case_caches_of_go_env() {
    begin caches_of_go_env
    GOCACHE_PARAM='' session c 'GOMODCACHE=/odd mod' && control c "tool GOCACHE $D/home/.cache/go-build" &&
        control c 'tool GOMODCACHE /odd mod' && control c ready || return
    pass 'what go env says in a clean environment'
    KEEPER=$(cut -d' ' -f1 "$RUN/keeper")
    say c 'end kill'
    control c ended
    check 'nothing is left' nothing_left
    finish c
}

case_bad_parameter() {
    begin bad_parameter
    ID=../../evil session c && control c 'error parameter *' || return
    wait "${M[c]}"
    hang_up c
    connect d lines
    control d 'delvegate hello *' || return
    hang_up d
    wait "${M[d]}"
    check 'an end of input before begin starts nothing' [ ! -e "$D/home/.cache" ]
}

# The next place is taken: $1 is the one expected.
fallback() { # DIRECTORY
    RUN=$1/$ID
    session c && control c "dir $RUN" && control c ready || return
    pass "falls back to ${1#"$D"/}"
    KEEPER=$(cut -d' ' -f1 "$RUN/keeper")
    say c 'end kill'
    control c ended
    check 'nothing is left' nothing_left
    finish c
}

case_dir_run_user() {
    begin dir_run_user
    ENVIRONMENT+=("XDG_CACHE_HOME=/run/user/4711")
    fallback "$D/home/.delvegate"
}

case_dir_shared() {
    begin dir_shared
    mkdir -p "$D/home/.cache/delvegate" "$D/tmp"
    chmod 777 "$D/home/.cache/delvegate"
    ln -s / "$D/home/.delvegate"
    ENVIRONMENT+=("TMPDIR=$D/tmp")
    fallback "$D/tmp/delvegate-$(id -u)"
}

case_dir_none() {
    begin dir_none
    printf '' >"$D/home/.cache"
    ln -s /nonexistent "$D/home/.delvegate"
    ENVIRONMENT+=("TMPDIR=$D/nonexistent/file")
    printf '' >"$D/nonexistent"
    session c && control c 'error dir *' || return
    check 'each place is named' has "$LINE" "*$D/home/.cache/delvegate: *$D/home/.delvegate: *$D/nonexistent/file/delvegate-*"
    wait "${M[c]}"
    hang_up c
}

case_disk_full() {
    begin disk_full
    mkdir "$D/full"
    if ! mount -t tmpfs -o size=16k tmpfs "$D/full" 2>/dev/null; then
        printf 'skip %s %s: no rights to mount\n' "$SH" "$CASE"
        SKIPPED=$((SKIPPED + 1))
        return
    fi
    ENVIRONMENT+=("HOME=$D/full" "TMPDIR=$D/full")
    session c && control c 'error disk the disk is full*No space left*' && pass 'a full disk is named'
    wait "${M[c]}"
    hang_up c
    check 'nothing is left' same "$(find "$D/full" -type f)" ''
    umount "$D/full"
}
