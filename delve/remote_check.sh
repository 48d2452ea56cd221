# Part of the supervisor: facts about the Go environment here, which delvegate judges (delve/check.h). At a launch they
# are to cost next to nothing: words of the shell itself, no process where all is well but sed and rm.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # variables of the other parts

# Prints a fact; say would start a process for its text.
fact() { # NAME TEXT
    case $2 in
    *[!A-Za-z0-9_./:=@%+,-]*) say "$2" fact "$1" ;;
    *) printf 'fact %s %s\n' "$1" "$2" ;;
    esac
}

# What decides whether one process may trace another.
check_rights() {
    {
        while read -r dg_a dg_b dg_c dg_rest; do
            case $dg_a in
            Uid:) fact uid "$dg_c" ;;
            CapEff: | CapBnd:) fact "${dg_a%:}" "$dg_b" ;;
            Seccomp:)
                fact Seccomp "$dg_b"
                break
                ;;
            esac
        done </proc/self/status
        read -r dg_a </proc/sys/kernel/yama/ptrace_scope && fact yama "$dg_a"
    } 2>/dev/null
    if [ -e /.dockerenv ]; then
        fact container docker
    elif [ -e /run/.containerenv ]; then
        fact container podman
    elif [ -n "${KUBERNETES_SERVICE_HOST-}" ]; then
        fact container kubernetes
    elif [ -e /run/systemd/container ] || [ -n "${container-}" ]; then
        fact container yes
    fi
}

# ---- values of go's variables, and where they come from: env, target (its go.env), file (go env -w)

check_value() { # SOURCE NAME VALUE
    [ -n "$3" ] || return 0
    fact "$1.$2" "$3"
    case $2 in
    GOROOT) check_goroot "$1" "$3" ;;
    GOPATH) check_gopath "$1" "$3" ;;
    GOBIN) check_gobin "$1" "$3" ;;
    GOCACHE | GOMODCACHE) [ "$1" != env ] || check_unused "$2" "$3" ;;
    GOWORK)
        case $3 in
        /*) [ -f "$3" ] || fact "$1.GOWORK.state" missing ;;
        esac
        ;;
    esac
}

check_goroot() { # SOURCE DIR
    if [ ! -d "$2" ]; then
        fact "$1.GOROOT.state" missing
    elif [ ! -x "$2/bin/go" ] || [ ! -d "$2/src/runtime" ]; then
        fact "$1.GOROOT.state" partial
    elif { read -r dg_a dg_rest <"$2/VERSION"; } 2>/dev/null; then
        fact "$1.GOROOT.version" "$dg_a"
    fi
}

# Go makes a missing one; below home that is as it should be.
check_gobin() { # SOURCE DIR
    case $2 in "${HOME:-/nowhere}"/*) return ;; esac
    [ -d "$2" ] || fact "$1.GOBIN.state" missing
}
check_gopath() { # SOURCE LIST
    dg_ifs=$IFS
    IFS=:
    set -f
    # shellcheck disable=SC2086 # a list
    set -- "$1" $2
    set +f
    IFS=$dg_ifs
    dg_a=$1
    shift
    for dg_d; do
        case $dg_d in
        '' | "${HOME:-/nowhere}"/*) continue ;;
        esac
        [ -d "$dg_d" ] || fact "$dg_a.GOPATH.missing" "$dg_d"
    done
}

# A cache that a session does not use, but any other go.
check_unused() { # NAME DIR
    case $2 in /*) ;; *) return ;; esac
    check_nearest "$2"
    dg_tried=${dg_d%/}/.delvegate-$dg_id
    if [ ! -d "$dg_d" ] || ! { printf '' >"$dg_tried"; } 2>/dev/null; then
        fact "env.$1.state" closed
        return
    fi
    rm -f "$dg_tried"
    [ "$dg_d" = "$2" ] || fact "env.$1.state" missing
}

check_named() { # SOURCE NAME=VALUE
    case ${2%%=*} in
    GOROOT | GOPATH | GOBIN | GOCACHE | GOMODCACHE | GOTOOLCHAIN | GO111MODULE | GOWORK | GOFLAGS)
        check_value "$1" "${2%%=*}" "${2#*=}"
        ;;
    esac
}

check_values() {
    check_value env GOROOT "${GOROOT-}"
    check_value env GOPATH "${GOPATH-}"
    check_value env GOBIN "${GOBIN-}"
    check_value env GOCACHE "${GOCACHE-}"
    check_value env GOMODCACHE "${GOMODCACHE-}"
    check_value env GOTOOLCHAIN "${GOTOOLCHAIN-}"
    check_value env GO111MODULE "${GO111MODULE-}"
    check_value env GOWORK "${GOWORK-}"
    check_value env GOFLAGS "${GOFLAGS-}"
    dg_file=${GOENV-}
    while IFS=' ' read -r dg_key dg_raw; do
        [ "$dg_key" = goenv ] || continue
        decode "$dg_raw"
        case $dg_value in
        GOENV=?*) dg_file=${dg_value#GOENV=} ;;
        esac
        check_named target "$dg_value"
    done <"$dg_run/session"
    [ "$dg_file" != off ] || return 0
    [ -n "$dg_file" ] || dg_file=${XDG_CONFIG_HOME:-${HOME-}/.config}/go/env
    [ -f "$dg_file" ] && [ -r "$dg_file" ] || return 0
    fact goenvFile "$dg_file"
    while IFS= read -r dg_line || [ -n "$dg_line" ]; do
        check_named file "$dg_line"
    done <"$dg_file"
}

# ---- the module

# Facts about the go.mod and go.work that go takes in directory $1: the nearest ones above.
check_module() {
    dg_d=$1 dg_mod='' dg_work=''
    case ${GOWORK-} in
    off) dg_work=off ;;
    /*) dg_work=$GOWORK ;;
    esac
    case $dg_d in /*) ;; *) return ;; esac
    while [ -n "$dg_d" ]; do
        [ -n "$dg_mod" ] || [ ! -f "$dg_d/go.mod" ] || dg_mod=$dg_d/go.mod
        [ -n "$dg_work" ] || [ ! -f "$dg_d/go.work" ] || dg_work=$dg_d/go.work
        dg_d=${dg_d%/*}
    done
    [ -z "$dg_mod" ] || check_directives mod "$dg_mod"
    case $dg_work in
    '' | off) ;;
    *)
        check_directives work "$dg_work"
        check_used
        ;;
    esac
}

# Every module of the workspace is read for a build in any of them; a process each is not spent on very many.
dg_used_max=50
check_used() {
    dg_n_used=0
    used_dirs <"$dg_work" 2>/dev/null | while IFS= read -r dg_d; do
        dg_d=${dg_d#./}
        dg_d=${dg_d%/}
        case $dg_d in
        . | '') dg_d=${dg_work%/*} ;;
        /*) ;;
        *) dg_d=${dg_work%/*}/$dg_d ;;
        esac
        [ -f "$dg_d/go.mod" ] || continue
        [ "$dg_d/go.mod" != "$dg_mod" ] || continue
        dg_n_used=$((dg_n_used + 1))
        [ "$dg_n_used" -le "$dg_used_max" ] || break
        check_directives "used$dg_n_used" "$dg_d/go.mod"
    done
}

# The directories of a go.work's use lines and blocks, one a line.
used_dirs() {
    sed -n -e 's,[[:space:]]*//.*,,' -e 's/[[:space:]]*$//' -e 's/["`]//g' -e '/^[[:space:]]*use[[:space:]]*($/,/^[[:space:]]*)$/{
        s/^[[:space:]]*//
        /^use[[:space:]]*($/d
        /^)$/d
        /^$/d
        p
        d
    }' -e 's/^[[:space:]]*use[[:space:]]\{1,\}\([^(]\)/\1/p'
}

check_directives() { # mod|work|usedN FILE
    fact "$1" "$2"
    # shellcheck disable=SC2046 # words
    set -- "$1" $(sed -n -e 's/^[[:space:]]*go[[:space:]]\{1,\}"\{0,1\}\([A-Za-z0-9.+-]*\).*/go=\1/p' \
        -e 's/^[[:space:]]*toolchain[[:space:]]\{1,\}"\{0,1\}\([A-Za-z0-9.+-]*\).*/toolchain=\1/p' "$2" 2>/dev/null)
    dg_a=$1
    shift
    for dg_b; do
        fact "$dg_a.${dg_b%%=*}" "${dg_b#*=}"
    done
}

# ---- the caches

# Sets dg_d to the nearest thing above $1, or $1 itself, that exists.
check_nearest() {
    dg_d=$1
    until [ -e "$dg_d" ]; do
        dg_d=${dg_d%/*}
        [ -n "$dg_d" ] || dg_d=/
    done
}

# Whether $2 can be written, or made. By trying: rights alone say nothing about a disk. Sets dg_tried to what is left.
check_cache() { # NAME DIR
    dg_tried=''
    case $2 in /*) ;; *) return ;; esac
    check_nearest "$2"
    [ "$dg_d" = "$2" ] || fact "$1.at" "$dg_d"
    if [ ! -d "$dg_d" ]; then
        fact "$1.why" 'not a directory'
        fact "$1.state" closed
        return
    fi
    dg_tried=${dg_d%/}/.delvegate-$dg_id
    { printf '%65536s' '' >"$dg_tried"; } 2>/dev/null && return
    dg_a=$(LC_ALL=C check_write 2>&1)
    fact "$1.why" "${dg_a##*: }"
    if [ -e "$dg_tried" ]; then
        fact "$1.state" full
    else
        case $dg_a in
        *'No space left'* | *quota*) fact "$1.state" full ;;
        *) fact "$1.state" closed ;;
        esac
    fi
}
check_write() {
    printf '%65536s' '' >"$dg_tried"
}

check_caches() {
    check_cache GOCACHE "$dg_gocache"
    dg_b=$dg_tried
    check_cache GOMODCACHE "$dg_gomodcache"
    [ ! -d "$dg_gomodcache/cache/download" ] || fact GOMODCACHE.filled yes
    for dg_d in "$dg_gomodcache"/golang.org/toolchain@v*-go*; do
        [ ! -d "$dg_d" ] || fact toolchain "${dg_d##*-go}"
    done
    rm -f ${dg_b:+"$dg_b"} ${dg_tried:+"$dg_tried"}
}

# Before tools are looked for: when that fails, this may be why.
check_machine() {
    check_rights
    check_values
    check_module "${dg_checkdir:-${HOME-}}"
}

# ---- role check: the facts alone, as many as there are

# Sets dg_found to where a program is, or to nothing and says why.
check_tool() { # NAME CONFIGURED OPTION
    dg_found=$(
        fail() {
            fact "$dg_tool.missing" "$2" >&9
            exit 1
        }
        dg_tool=$1
        find_tool "$@" && printf '%s' "$dg_found"
    )
    [ -z "$dg_found" ] || say "$dg_found" tool "$1"
}

check_tools() {
    exec 9>&1
    dg_login_path=''
    if [ -z "$dg_go$dg_dlv" ] && ! { in_path go "${PATH-}" && in_path dlv "${PATH-}"; }; then
        login_path
    fi
    check_tool go "$dg_go" go.path
    dg_go=$dg_found
    check_tool dlv "$dg_dlv" delve.path
    dg_dlv=$dg_found
    exec 9>&-
    dg_path=${PATH-}
    if [ -n "$dg_go" ]; then
        dg_path=${dg_go%/*}:${PATH-}
        if dg_value=$(clean "$dg_go" version 2>&1); then
            say "$dg_value" tool goVersion
        else
            fact goVersion.failed "$dg_value"
        fi
        check_goenv
    fi
    [ -n "$dg_dlv" ] || return 0
    if dg_value=$(clean "$dg_dlv" version 2>&1); then
        say "$(printf '%s\n' "$dg_value" | grep '^Version:')" tool dlvVersion
    else
        fact dlvVersion.failed "$dg_value"
    fi
}

# Takes what `go env` has written; what is configured stays.
take_goenv() {
    {
        IFS= read -r dg_a && IFS= read -r dg_b
        [ -n "$dg_gocache" ] || dg_gocache=$dg_a
        [ -n "$dg_gomodcache" ] || dg_gomodcache=$dg_b
        dg_a='' dg_b=''
        IFS= read -r dg_a && IFS= read -r dg_b
    } <"$dg_run/goenv"
    rm -f "$dg_run/goenv" "$dg_run/why"
    [ -z "$dg_checks" ] || [ -z "$dg_a" ] || fact GOROOT "$dg_a"
    [ -z "$dg_checks" ] || [ -z "$dg_b" ] || fact GOTOOLCHAIN "$dg_b"
}

check_goenv() {
    if clean "$dg_go" env GOCACHE GOMODCACHE GOROOT GOTOOLCHAIN >"$dg_run/goenv" 2>"$dg_run/why"; then
        take_goenv
    else
        fact goenv.failed "$(cat "$dg_run/why")"
    fi
    [ -z "$dg_gocache" ] || say "$dg_gocache" tool GOCACHE
    [ -z "$dg_gomodcache" ] || say "$dg_gomodcache" tool GOMODCACHE
}

# Whether Delve may start a program at all. With an end of its input it ends by itself.
check_trace() {
    [ -n "$dg_dlv" ] || return 0
    clean "$dg_dlv" exec --check-go-version=false --allow-non-terminal-interactive=true "$(command -v sh)" -- -c : \
        >"$dg_run/trace" 2>&1 &
    dg_p=$!
    if wait_gone "$dg_p" 20; then
        wait "$dg_p"
        fact trace "$(grep 'could not launch process: ' "$dg_run/trace" | head -n 1)"
    else
        kill -9 "$dg_p"
        wait "$dg_p" 2>/dev/null
    fi
}

role_check() {
    tick_init
    find_dir
    identity "$$" >"$dg_run/maker"
    trap 'erase "$dg_run"; exit 1' HUP PIPE TERM
    printf '%s\n' "${dg_here-}" >"$dg_run/host"
    delvegate_self >"$dg_run/remote.sh"
    printf '%s' "$dg_kept" >"$dg_run/session"
    command -v setsid >/dev/null || fact failure 'setsid was not found on the Go machine; install util-linux there'
    dg_checks=1
    check_machine
    check_tools
    check_caches
    check_trace
    erase "$dg_run"
    echo ended
    exit 0
}
