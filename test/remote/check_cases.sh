# shellcheck shell=bash
# shellcheck disable=SC2034 # variables that lib.sh reads
# Facts about the Go environment: alone (role check), and beside a session's start.

# The role check, up to its end; FACTS holds its lines. More parameters as KEY=VALUE.
facts() { # NAME [KEY=VALUE...]
    local name=$1 p
    shift
    connect "$name" lines
    control "$name" 'delvegate hello 1 *' || return 1
    param "$name" role check
    param "$name" id "$ID"
    for p; do
        param "$name" "${p%%=*}" "${p#*=}"
    done
    say "$name" begin
    control "$name" ended || return 1
    hang_up "$name"
    wait "${M[$name]}"
    FACTS=$(cat "$D/$name.control.log")
    check 'no directory is left' [ ! -e "$RUN" ]
}
fact() { # PATTERN
    check "fact $1" has "$FACTS" "*
fact $1
*"
}
no_fact() { # PATTERN
    # shellcheck disable=SC2053 # a pattern
    [[ $FACTS != *"
fact "$1* ]]
}

case_check_alone() {
    begin check_alone
    facts c "check=$TMP/prog" || return
    check 'the tools' has "$FACTS" '*tool go /*tool dlv /*tool goVersion *tool GOCACHE *tool GOMODCACHE *tool dlvVersion *'
    fact "mod $TMP/prog/go.mod"
    fact "uid $(id -u)"
    fact 'CapBnd *'
    check 'nothing is wrong with the caches' no_fact 'GO*.state'
    check 'Delve may trace' has "$FACTS" '*
fact trace *'
    check 'and was not refused' no_fact 'trace *not permitted'
}

case_check_values() {
    begin check_values
    mkdir -p "$D/home/.config/go" "$D/root/bin" "$D/mod cache/cache/download" "$D/home/go"
    printf 'GOBIN=bin\nGONOPROXY=x\nGOPATH=%s\nGOROOT=%s' "$D/home/other" "$D/root" >"$D/home/.config/go/env"
    ENVIRONMENT+=(GOROOT=/nope "GOPATH=/nope/one:$D/home/go:$D/home/new:/nope/two" 'GOCACHE=a b' GOMODCACHE=/proc/x GOTOOLCHAIN=local)
    facts c "goenv=GOBIN=$D/root/bin" "goenv=GOPRIVATE=x" "GOMODCACHE=$D/mod cache" || return
    fact 'env.GOROOT /nope'
    fact 'env.GOROOT.state missing'
    fact 'env.GOPATH.missing /nope/two'
    check 'below home it is made' no_fact "env.GOPATH.missing $D"
    fact 'env.GOCACHE a b'
    fact 'env.GOMODCACHE.state closed'
    fact 'env.GOTOOLCHAIN local'
    fact "target.GOBIN $D/root/bin"
    check 'it is there' no_fact 'target.GOBIN.state'
    fact "goenvFile $D/home/.config/go/env"
    fact 'file.GOBIN bin'
    fact "file.GOROOT $D/root"
    fact 'file.GOROOT.state partial'
    check 'other names are not asked for' no_fact 'file.GONOPROXY'
    fact 'GOMODCACHE.filled yes'
    check 'what is tried is taken away' same "$(ls -A "$D/mod cache")" cache
}

case_check_caches() {
    begin check_caches
    : >"$D/file"
    facts c "GOCACHE=$D/file/cache" GOMODCACHE=/proc/mod || return
    fact "GOCACHE.at $D/file"
    fact 'GOCACHE.state closed'
    fact 'GOCACHE.why not a directory'
    fact 'GOMODCACHE.at /proc'
    fact 'GOMODCACHE.state closed'
    facts d "GOCACHE=$D/new/cache" "GOMODCACHE=$D/new" || return
    fact "GOCACHE.at $D"
    check 'they can be made' no_fact '*.state closed'
    check 'and are not' [ ! -e "$D/new" ]
}

case_check_module() {
    begin check_module
    mkdir -p "$D/w/m/deep"
    printf '// go 9.9\nmodule x\n\n\tgo  1.21.3 // why\r\ntoolchain "go1.22rc1"\nrequire (\n\tgo.example/go v1.0.0\n)\n' >"$D/w/m/go.mod"
    printf 'go 1.20\nuse ./m\n' >"$D/w/go.work"
    facts c "check=$D/w/m/deep" || return
    fact "mod $D/w/m/go.mod"
    fact 'mod.go 1.21.3'
    fact 'mod.toolchain go1.22rc1'
    fact "work $D/w/go.work"
    fact 'work.go 1.20'
    ENVIRONMENT+=(GOWORK=off)
    facts d "check=$D/w/m" || return
    check 'no workspace' no_fact 'work '
    check 'nor its modules' no_fact 'used'
}

case_check_workspace() {
    begin check_workspace
    mkdir -p "$D/w/m" "$D/w/a b" "$D/w/other" "$D/abs" "$D/w/replaced"
    for d in w w/m 'w/a b' w/other abs w/replaced; do printf 'module x\ngo 1.%s\n' "${#d}" >"$D/$d/go.mod"; done
    printf 'go 1.20\n\nuse ./other/ // one\nuse (\r\n\t./m\r\n\t"./a b" // two\n\t// ./none\n\n\t%s\n\t./nothere\n\t.\n)\nreplace (\n\tx => ./replaced\n)\n' \
        "$D/abs" >"$D/w/go.work"
    facts c "check=$D/w/m" || return
    fact "mod $D/w/m/go.mod"
    fact "used1 $D/w/other/go.mod"
    fact 'used1.go 1.7'
    fact "used2 $D/w/a b/go.mod"
    fact "used3 $D/abs/go.mod"
    fact "used4 $D/w/go.mod"
    check 'no more of them' no_fact 'used5'
    ENVIRONMENT+=("GOWORK=$D/w/none" GOFLAGS=-v)
    facts d "check=$D/w/m" || return
    fact "env.GOWORK.state missing"
    fact 'env.GOFLAGS -v'
}

case_check_tools_missing() {
    begin check_tools_missing
    bare_path
    printf '#!/bin/sh\nexec env -i PATH=/nowhere "$D/bare/sh" -c "$2"\n' >"$D/poor"
    chmod 755 "$D/poor"
    ENVIRONMENT+=("PATH=$D/bare" "SHELL=$D/poor")
    facts c 'go=/nope/go' 'dlv=/nope/dlv' || return
    fact 'go.missing go.path*'
    fact 'dlv.missing delve.path*'
}

# Beside a session: only when asked for, and all before `ready`.
case_check_in_session() {
    begin check_in_session
    ENVIRONMENT+=(GOROOT=/nope)
    session c "check=$TMP/prog" && control c ready || return
    FACTS=$(cat "$D/c.control.log")
    fact 'env.GOROOT.state missing'
    fact "mod $TMP/prog/go.mod"
    check 'Delve is not tried' no_fact 'trace'
    KEEPER=$(cut -d' ' -f1 "$RUN/keeper")
    say c 'end kill'
    control c ended
    check 'nothing is left' nothing_left
    finish c
    ID=${ID}b RUN=${RUN}b
    session d && control d ready || return
    FACTS=$(cat "$D/d.control.log")
    check 'not asked for' no_fact ''
    KEEPER=$(cut -d' ' -f1 "$RUN/keeper")
    say d 'end kill'
    control d ended
    check 'nothing is left' nothing_left
    finish d
}
