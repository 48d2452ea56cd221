# shellcheck shell=bash
# shellcheck disable=SC2034 # variables that lib.sh reads
# Remedies with the real go and a file proxy made here.

# A proxy, a module `app` that needs what it has, and a session whose go fetches from nowhere else.
graph() {
    PX=$D/proxy/$SH
    MOD=$D/mod
    APP="$D/my app"
    mkdir -p "$APP"
    proxy example.com/dep v1.0.0 'dep.go=package dep

const V = 1
'
    proxy example.com/dep v1.1.0 'dep.go=package dep

const V = 11
'
    "$TMP/proxy" "$PX" example.com/Lib v1.2.0 $'module example.com/Lib\n\ngo 1.18\n\nrequire example.com/dep v1.0.0\n' \
        $'lib.go=package lib\n\nimport "example.com/dep"\n\nconst W = dep.V + 1\n'
    printf 'module example.com/app\n\ngo 1.18\n\nrequire example.com/Lib v1.2.0\n\nrequire example.com/dep v1.0.0 // indirect\n' >"$APP/go.mod"
    printf 'package main\n\nimport "example.com/Lib"\n\nfunc main() { println(lib.W) }\n' >"$APP/main.go"
    (cd "$APP" && local_go mod download all) || fail 'no sums'
    ready nodelve=1 "GOMODCACHE=$MOD" "goenv=GOPROXY=file://$PX" goenv=GOSUMDB=off goenv=GOFLAGS=
    L=$RUN/mended-1
}
proxy() { # MODULE VERSION FILE
    "$TMP/proxy" "$PX" "$1" "$2" "module $1"$'\n\ngo 1.18\n' "$3"
}
local_go() {
    GOPROXY=file://$PX GOSUMDB=off GOFLAGS='' GOWORK=${GOWORK-} GOMODCACHE=$MOD GOCACHE=$TMP/gocache go "$@"
}
# The next run: remedy NAME [MODULE VERSION]; MODE, WHERE and ENV as variables.
remedy() {
    local e
    prepare || return 1
    param c kind remedy
    for e in "$1" "$L" "${MODE:-shadow}" "${2-}" "${3-}" "${PACKAGE:-.}"; do
        param c arg "$e"
    done
    for e in "${ENV[@]}"; do
        param c env "$e"
    done
    param c cwd "${WHERE:-$APP}"
    say c "run $N"
}
# Content, names, modes and times.
tree() { # DIRECTORY
    (cd "$1" && find . -printf '%p %m %y %s %T@\n' | sort && find . -type f -exec cksum {} + | sort)
}
content() {
    (cd "$1" && find . ! -name '*.lock' -printf '%p %m %y\n' | sort && find . -type f ! -name '*.lock' -exec cksum {} + | sort)
}
ENV=()

case_remedy_shadow() {
    local was
    begin remedy_shadow
    graph || return
    sed -i '/example.com\/Lib v1.2.0 h1/d;/example.com\/dep/d' "$APP/go.sum"
    was=$(tree "$APP")
    remedy download
    control c 'note *my app/go.sum, would change*' && has "$LINE" '*would change*' && ended 0 || return
    check 'the diff names the lines' grep -q '^+example.com/Lib v1.2.0 h1:' "$D/c.control.log"
    check 'Delve can build' mended_build
    remedy download
    ended 2 || return
    pass 'nothing more to change'
    printf 'module example.com/app\n\ngo 1.18\n' >"$APP/go.mod"
    rm "$APP/go.sum"
    was=$(tree "$APP")
    L=$RUN/mended-2
    remedy tidy
    control c 'note *my app/go.mod, would change*' && ended 0 || return
    check 'the diff of go.mod' grep -q '^+require example.com/Lib v1.2.0$' "$D/c.control.log"
    check 'what an earlier launch had is gone' [ ! -e "$RUN/mended-1" ]
    check 'Delve can build' mended_build
    check "the user's tree is untouched" same "$(tree "$APP")" "$was"
    printf 'module example.com/app\n\ngo 1.18\n\n<<<<<<< HEAD\n' >"$APP/go.mod"
    L=$RUN/mended-3
    remedy tidy
    text c 'out *go.mod:5: *' && ended 1 || return
    pass "go's words"
    WHERE=$D remedy tidy
    ended 2 || return
    over
}
mended_build() {
    (cd "$APP" && local_go build -o /dev/null "-modfile=$L/go.mod" .)
}

# What the package needs is in the cache, but for a part of the graph that nothing can be fetched of.
case_remedy_part() {
    local was
    begin remedy_part
    graph || return
    "$TMP/proxy" "$PX" example.com/tested v1.0.0 $'module example.com/tested\n\ngo 1.18\n' $'tested.go=package tested\n'
    printf '\nrequire example.com/tested v1.0.0\n' >>"$APP/go.mod"
    printf 'package main\n\nimport _ "example.com/tested"\n' >"$APP/main_test.go"
    (cd "$APP" && local_go mod download all)
    chmod -R u+w "$MOD/example.com/tested@v1.0.0" && rm -r "$MOD/example.com/tested@v1.0.0"
    rm "$MOD"/cache/download/example.com/tested/@v/v1.0.0.zip* "$APP/go.sum"
    was=$(tree "$APP")
    ENV=(GOPROXY=off)
    remedy download
    ended 0 || return
    (cd "$APP" && GOPROXY=off GOSUMDB=off GOFLAGS='' GOMODCACHE=$MOD GOCACHE=$TMP/gocache go build -o /dev/null "-modfile=$L/go.mod" .)
    check 'Delve can build' [ $? = 0 ]
    check "the user's tree is untouched" same "$(tree "$APP")" "$was"
    # Sums alone do not do: go.mod is not for a download to write.
    sed -i '/^require example.com.Lib/d' "$APP/go.mod"
    L=$RUN/mended-2
    remedy download
    ended 1 || return
    cmp "$APP/go.mod" "$L/go.mod"
    check 'a download leaves go.mod' [ $? = 0 ]
    check 'and no part of go.sum' [ ! -e "$L/go.sum" ]
    remedy tidy
    ended 1 || return
    pass 'without a proxy no version is found'
    ENV=()
    over
}

case_remedy_edit() {
    begin remedy_edit
    graph || return
    printf 'module example.com/app\n\ngo 1.18\n' >"$APP/go.mod"
    MODE=edit remedy tidy
    control c 'note *my app/go.mod, changed:*' && ended 0 || return
    (cd "$APP" && local_go build -o /dev/null .)
    check 'the module itself builds' [ $? = 0 ]
    MODE=edit remedy tidy
    ended 2 || return
    over
}

case_remedy_vendor() {
    local was
    begin remedy_vendor
    graph || return
    (cd "$APP" && local_go mod vendor)
    sed -i 's/dep v1.0.0/dep v1.1.0/' "$APP/go.mod"
    was=$(tree "$APP")
    remedy download
    ended 2 && remedy mod-mod && control c 'note *go.sum, would change*' && ended 0 || return
    (cd "$APP" && local_go build -o /dev/null -mod=mod "-modfile=$L/go.mod" .)
    check 'it builds' [ $? = 0 ]
    check "the user's tree is untouched" same "$(tree "$APP")" "$was"
    over
}

case_remedy_work() {
    local was
    begin remedy_work
    graph || return
    mkdir "$D/other lib"
    printf 'module example.com/other\n\ngo 1.18\n' >"$D/other lib/go.mod"
    printf 'package other\n' >"$D/other lib/other.go"
    printf 'go 1.18\n\nuse "./my app"\n\nuse "./other lib"\n\nreplace example.com/gone v1.0.0 => ./gone\n' >"$D/go.work"
    rm "$APP/go.sum"
    was=$(tree "$APP" && cat "$D/go.work")
    remedy download
    ended 2 && remedy tidy && ended 2 && remedy work && control c "note *go.work.sum, would change*" && ended 0 || return
    check 'paths are absolute' same "$(grep -c "$D/" "$L/go.work")" 3
    ENV=("GOWORK=$L/go.work")
    remedy work
    ended 2 || return
    ENV=()
    (cd "$APP" && GOWORK=$L/go.work local_go build -mod=readonly -o /dev/null .)
    check 'it builds with it' [ $? = 0 ]
    check "the user's tree is untouched" same "$(tree "$APP" && cat "$D/go.work")" "$was"
    check 'no sums beside it' [ ! -e "$D/go.work.sum" ]
    remedy work-off
    ended 1 || return
    (cd "$APP" && GOWORK=off local_go mod download all)
    remedy work-off
    ended 0 || return
    rm "$D/go.work"
    remedy work
    ended 2 && remedy work-off && ended 2 || return
    over
}

damage() {
    chmod -R u+w "$MOD/example.com/!lib@v1.2.0"
    rm "$MOD/example.com/!lib@v1.2.0/lib.go"
    chmod -R a-w "$MOD/example.com/!lib@v1.2.0"
    printf x >"$MOD/cache/download/example.com/!lib/@v/v1.2.0.zip"
}
case_remedy_purge() {
    local was before
    begin remedy_purge
    graph || return
    was=$(content "$MOD")
    damage
    before=$(tree "$MOD/example.com" && tree "$MOD/cache/download/example.com/!lib")
    ENV=(GOPROXY=off)
    remedy purge example.com/Lib v1.2.0
    ended 3 || return
    ENV=("GOPROXY=file://$D/nowhere")
    remedy purge example.com/Lib v1.2.0
    text c 'out example.com/Lib@v1.2.0 could not be fetched*' && ended 3 || return
    check 'nothing is lost' same "$(tree "$MOD/example.com" && tree "$MOD/cache/download/example.com/!lib")" "$before"
    # What the proxy has is not what go.sum says.
    "$TMP/proxy" "$D/evil" example.com/Lib v1.2.0 $'module example.com/Lib\n' $'lib.go=package lib\n\nconst W = 666\n'
    ENV=("GOPROXY=file://$D/evil")
    remedy purge example.com/Lib v1.2.0
    text c 'out *SECURITY ERROR*' && ended 1 || return
    check 'nothing is changed' same "$(tree "$MOD/example.com" && tree "$MOD/cache/download/example.com/!lib")" "$before"
    ENV=()
    remedy purge example.com/Lib v1.2.0
    ended 0 || return
    check 'the cache is whole' same "$(content "$MOD")" "$was"
    damage
    remedy purge example.com/Lib ''
    ended 0 || return
    check 'the version is found' same "$(content "$MOD")" "$was"
    for was in '../x v1.0.0' '-x v1.0.0' '/x v1.0.0' 'example.com/Lib ../../v1' 'example.com/Lib -v1.0.0' 'a;b v1.0.0' ' v1.0.0'; do
        remedy purge "${was% *}" "${was##* }"
        ended 2 || return
    done
    pass 'what is no module is refused'
    over
}

# Ended while the entry is aside: once by `stop`, once by `end`, once with the keeper killed.
case_remedy_purge_ended() {
    local how before
    begin remedy_purge_ended
    graph || return
    damage
    before=$(content "$MOD")
    mkfifo "$D/aside"
    # A go that hangs once the entry is aside.
    mkdir "$D/slow"
    # shellcheck disable=SC2016 # for that script
    printf '#!/bin/sh\n[ "${GONOPROXY-}" != none ] || { echo >"%s"; exec sleep 4711; }\nexec "%s" "$@"\n' \
        "$D/aside" "$(readlink -f "$(type -P go)")" >"$D/slow/go"
    chmod 755 "$D/slow/go"
    say c 'end kill'
    control c ended
    hang_up c
    wait "${M[c]}"
    rm "$D"/c.*
    for how in stop end killed; do
        ID=$ID$how RUN=$D/home/.cache/delvegate/$ID L=$D/home/.cache/delvegate/$ID/mended-1
        ready nodelve=1 "GOMODCACHE=$MOD" "goenv=GOPROXY=file://$PX" goenv=GOSUMDB=off "go=$D/slow/go" || return
        remedy purge example.com/Lib v1.2.0
        read -r -t "$LIMIT" LINE <>"$D/aside" || fail 'nothing is fetched again'
        check 'it is aside' [ -e "$MOD/cache/delvegate-aside-$ID/tree" ]
        case $how in
        stop) say c 'stop kill' && ended 143 ;;
        end) say c 'end kill' && control c ended ;;
        killed) kill -9 "$KEEPER" && control c 'error keeper *' && control c ended ;;
        esac
        check "$how: it is back" same "$(content "$MOD")" "$before"
        [ $how != stop ] || { say c 'end kill' && control c ended; }
        check "$how: nothing is left" nothing_left
        hang_up c
        wait "${M[c]}"
        rm "$D"/c.*
    done
}

case_remedy_gocache() {
    begin remedy_gocache
    graph || return
    remedy gocache
    ended 0 || return
    check 'it is there and empty' same "$(ls -A "$L/gocache")" ''
    over
}

case_remedy_clean() {
    local was
    begin remedy_clean
    graph || return
    (cd "$APP" && local_go mod download example.com/dep@v1.1.0)
    was=$(content "$MOD")
    ENV=(GOPROXY=off)
    remedy clean-modcache
    text c 'out not everything can be fetched again*' && ended 2 || return
    check 'nothing is lost' same "$(content "$MOD")" "$was"
    ENV=()
    damage
    remedy clean-modcache
    ended 0 || return
    check 'it was cleaned' [ ! -e "$MOD/example.com/dep@v1.1.0" ]
    (cd "$APP" && local_go build -o /dev/null .)
    check 'it builds' [ $? = 0 ]
    over
}
