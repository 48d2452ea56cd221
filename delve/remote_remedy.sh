
# Fourth part of the supervisor: remedies for a module graph or a cache that is broken. Each runs in a shell of its own
# with Delve's environment, in the build's directory; its output is text for the user, its status says what came of it.
# Never are go's checks loosened, and in mode shadow nothing of the user's is written.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # variables of the other parts
# shellcheck disable=SC2031 # what a subshell sets for one command is meant for it alone

# How a remedy ends that has not changed what Delve will see: as proxy/machine/keeper.h has it.
dg_failed=1 dg_unsuited=2 dg_restored=3

# remedy RUN NAME DIR shadow|edit MODULE VERSION PACKAGE. Descriptor 4: control lines.
remedy() {
    dg_run=$1 dg_dir=$3 dg_mode=$4 dg_module=${5-} dg_version=${6-} dg_package=${7:-.}
    # What is called here besides go, whatever PATH the program gets.
    PATH=$PATH:/usr/local/bin:/usr/bin:/bin
    for dg_d in "${dg_dir%/*}"/mended-*; do
        # Of an earlier launch.
        [ "$dg_d" = "$dg_dir" ] || [ ! -d "$dg_d" ] || erase "$dg_d"
    done
    [ -d "$dg_dir" ] || mkdir -m 700 "$dg_dir" || exit "$dg_failed"
    case $2 in
    download) mend_files 'go mod download all' mod download all ;;
    tidy) mend_files 'go mod tidy' mod tidy ;;
    mod-mod) mend_mod_mod ;;
    work) mend_work ;;
    work-off) mend_work_off ;;
    purge) purge ;;
    gocache) mend_gocache ;;
    clean-modcache) clean_modcache ;;
    *) unsuited "there is no remedy '$2'" ;;
    esac
    exit 0
}

unsuited() {
    printf '%s\n' "$1"
    exit "$dg_unsuited"
}

# The go command, without descriptors of the supervisor's; the flags after the subcommand are the caller's.
go_do() {
    go "$@" </dev/null 4>&-
}

# ---- module files

# Sets dg_modfile to the go.mod in use, dg_sumfile to its sums and dg_work to the go.work in use (or nothing).
find_files() {
    { IFS= read -r dg_modfile && IFS= read -r dg_work; } <<EOF_ENV
$(go_do env GOMOD GOWORK)
EOF_ENV
    [ "$dg_work" != off ] || dg_work=''
    case $dg_modfile in '' | /dev/null) dg_modfile='' ;; esac
    [ -n "$dg_modfile$dg_work" ] || unsuited "there is no go.mod for $PWD on the Go machine"
    dg_root=${dg_modfile%/*}
    # A file of the user's own choice.
    for dg_flag in $(go_do env GOFLAGS); do
        case $dg_flag in
        -modfile=/* | --modfile=/*) dg_modfile=${dg_flag#*=} ;;
        -modfile=?* | --modfile=?*) dg_modfile=$PWD/${dg_flag#*=} ;;
        esac
    done
    dg_sumfile=${dg_modfile%.mod}.sum
}

# Whether go takes the dependencies from vendor/ by itself.
is_vendored() {
    [ -n "$dg_root" ] && [ -d "$dg_root/vendor" ] || return 1
    case " $(go_do env GOFLAGS) " in *' -mod=mod '* | *' -mod=readonly '* | *' --mod=mod '*) return 1 ;; esac
    # Before 1.14 only when asked for.
    sed -n 's/^go  *1\.\([0-9]*\).*/\1/p' "$dg_modfile" | grep -qv '^\([0-9]\|1[0-3]\)$'
}

# Copies file $1 to $2 for writing, where there is none yet; what is missing stays so.
copy() {
    [ ! -e "$1" ] || [ -e "$2" ] || { cat "$1" >"$2.new" && mv "$2.new" "$2"; } || exit "$dg_failed"
}
copy_files() {
    copy "$dg_modfile" "$dg_dir/go.mod"
    copy "$dg_sumfile" "$dg_dir/go.sum"
}

# Remembers files as they are, for differ.
before() { # FILE...
    rm -rf "$dg_dir/before"
    mkdir "$dg_dir/before" || exit "$dg_failed"
    for dg_p; do
        copy "$dg_p" "$dg_dir/before/${dg_p##*/}"
    done
}
differs() { # FILE
    if [ -e "$1" ] && [ -e "$dg_dir/before/${1##*/}" ]; then
        ! cmp -s "$1" "$dg_dir/before/${1##*/}"
    else
        [ -e "$1" ] || [ -e "$dg_dir/before/${1##*/}" ]
    fi
}

# Tells which lines of the file REAL differ between OLD and NEW.
tell() { # REAL OLD NEW
    [ -e "$2" ] && dg_old=$2 || dg_old=/dev/null
    [ -e "$3" ] && dg_new=$3 || dg_new=/dev/null
    ! cmp -s "$dg_old" "$dg_new" || return 0
    if command -v diff >/dev/null; then
        diff "$dg_old" "$dg_new" | sed -n 's/^< /-/p;s/^> /+/p'
    else
        grep -vxFf "$dg_new" "$dg_old" | sed 's/^/-/'
        grep -vxFf "$dg_old" "$dg_new" | sed 's/^/+/'
    fi | cut -c1-160 >"$dg_dir/diff"
    dg_all=$(($(wc -l <"$dg_dir/diff")))
    if [ "$dg_mode" = edit ]; then
        dg_text="$1, changed:"
    else
        dg_text="$1, would change (Delve builds with a copy):"
    fi
    dg_text="$dg_text
$(sed 12q "$dg_dir/diff")"
    [ "$dg_all" -le 12 ] || dg_text="$dg_text
... and $((dg_all - 12)) more"
    tell_lines "$dg_text"
    rm -f "$dg_dir/diff"
}
# A line that a pipe does not keep whole would be mixed with others.
tell_lines() {
    dg_line=$(say "$1" note)
    if [ "${#dg_line}" -lt 4000 ]; then
        printf '%s\n' "$dg_line" >&4
    else
        printf '%s\n' "$1" | while IFS= read -r dg_line; do
            say "$dg_line" note >&4
        done
    fi
}

# Runs `go mod ARG...` on the module's files.
mend_files() { # TEXT mod SUBCOMMAND [ARG]
    find_files
    dg_text0=$1
    shift
    if [ "$dg_mode" = edit ]; then
        dg_sums=${dg_work:+$dg_work.sum}
        before "$dg_modfile" "$dg_sumfile" ${dg_sums:+"$dg_sums"}
        go_do "$@" || load_alone "$2" "$dg_modfile" || exit "$dg_failed"
        dg_changed=''
        for dg_file in "$dg_modfile" "$dg_sumfile" ${dg_sums:+"$dg_sums"}; do
            ! differs "$dg_file" || dg_changed=1
            tell "$dg_file" "$dg_dir/before/${dg_file##*/}" "$dg_file"
        done
    else
        [ -z "$dg_work" ] || unsuited "go takes no copy of go.mod in a workspace ($dg_work)"
        ! is_vendored || unsuited "go takes no copy of go.mod while it builds from $dg_root/vendor"
        copy_files
        before "$dg_dir/go.mod" "$dg_dir/go.sum"
        dg_sub=$2
        shift 2
        go_do mod "$dg_sub" "-modfile=$dg_dir/go.mod" "$@" ||
            load_alone "$dg_sub" "$dg_dir/go.mod" "-modfile=$dg_dir/go.mod" || exit "$dg_failed"
        dg_changed=''
        tell_copies
    fi
    [ -n "$dg_changed" ] || unsuited "\`$dg_text0\` changes nothing in $dg_modfile and its go.sum"
}
# Where not all of the graph can be fetched, what the package alone needs may be in the cache. A download adds sums only.
load_alone() { # download|tidy GO.MOD [FLAG]
    dg_file=$2
    dg_only=$1
    shift 2
    if go_do list -mod=mod "$@" -deps -- "$dg_package" >/dev/null 2>&1 &&
        { [ "$dg_only" != download ] || ! differs "$dg_file"; }; then
        return 0
    fi
    # Go may have written a part of it.
    for dg_file in "$dg_file" "${dg_file%.mod}.sum"; do
        dg_old=$dg_dir/before/${dg_file##*/}
        if [ ! -e "$dg_old" ]; then
            rm -f "$dg_file"
        elif differs "$dg_file"; then
            cat "$dg_old" >"$dg_file"
        fi
    done
    return 1
}
tell_copies() {
    differs "$dg_dir/go.mod" || differs "$dg_dir/go.sum" || return 0
    dg_changed=1
    tell "$dg_modfile" "$dg_modfile" "$dg_dir/go.mod"
    tell "$dg_sumfile" "$dg_sumfile" "$dg_dir/go.sum"
}

# Without vendor/. What the files lack go adds while it loads the package.
mend_mod_mod() {
    find_files
    [ -z "$dg_work" ] || unsuited "go takes no copy of go.mod in a workspace ($dg_work)"
    is_vendored || unsuited "there is no vendor directory in use beside $dg_modfile"
    if [ "$dg_mode" = edit ]; then
        before "$dg_modfile" "$dg_sumfile"
        go_do list -mod=mod -deps -- "$dg_package" >/dev/null || exit "$dg_failed"
        for dg_file in "$dg_modfile" "$dg_sumfile"; do
            tell "$dg_file" "$dg_dir/before/${dg_file##*/}" "$dg_file"
        done
        return
    fi
    copy_files
    before "$dg_dir/go.mod" "$dg_dir/go.sum"
    go_do list -mod=mod "-modfile=$dg_dir/go.mod" -deps -- "$dg_package" >/dev/null || exit "$dg_failed"
    tell_copies
}

# ---- workspaces

# A copy of go.work with its sums; in it every path is absolute.
mend_work() {
    find_files
    [ -n "$dg_work" ] || unsuited 'there is no workspace (go.work) in use'
    if [ "$dg_mode" = edit ]; then
        before "$dg_work.sum"
        go_do mod download all || exit "$dg_failed"
        differs "$dg_work.sum" || unsuited "\`go mod download all\` changes nothing in $dg_work.sum"
        tell "$dg_work.sum" "$dg_dir/before/${dg_work##*/}.sum" "$dg_work.sum"
        copy_work "$dg_dir"
        return
    fi
    [ "$dg_work" = "$dg_dir/go.work" ] || copy_work "$dg_dir"
    before "$dg_dir/go.work.sum"
    GOWORK=$dg_dir/go.work go_do mod download all || exit "$dg_failed"
    differs "$dg_dir/go.work.sum" || unsuited "\`go mod download all\` adds nothing to $dg_work.sum"
    tell "$dg_work.sum" "$dg_work.sum" "$dg_dir/go.work.sum"
}
# Without . and .. in it, which go would take for another directory's.
absolute() {
    (cd "$1" 2>/dev/null && pwd) || printf '%s\n' "$1"
}

copy_work() { # DIRECTORY
    copy "$dg_work" "$1/go.work"
    copy "$dg_work.sum" "$1/go.work.sum"
    make_absolute "$1" "${dg_work%/*}" || unsuited "$dg_work cannot be copied: a path in it is not understood"
}
make_absolute() { # DIRECTORY OF THE COPY, OF THE REAL FILE
    go_do work edit -json "$1/go.work" >"$1/work.json" || return 1
    # shellcheck disable=SC1003 # one backslash
    ! grep -qF '\' "$1/work.json" || return 1
    while IFS= read -r dg_line; do
        case $dg_line in
        '"DiskPath": "/'*) ;;
        '"DiskPath": "'*)
            dg_path=${dg_line#'"DiskPath": "'}
            dg_path=${dg_path%%\"*}
            set -- "$@" "-dropuse=$dg_path" "-use=$(absolute "$2/$dg_path")"
            ;;
        '"Old": {') dg_part=old dg_oldversion='' ;;
        '"New": {') dg_part=new ;;
        '"Path": "'*)
            dg_path=${dg_line#'"Path": "'}
            dg_path=${dg_path%%\"*}
            case ${dg_part-}$dg_path in
            old*) dg_oldpath=$dg_path ;;
            new./* | new../* | new. | new..)
                set -- "$@" "-replace=$dg_oldpath$dg_oldversion=$(absolute "$2/$dg_path")"
                ;;
            esac
            ;;
        '"Version": "'*)
            dg_path=${dg_line#'"Version": "'}
            [ "${dg_part-}" != old ] || dg_oldversion=@${dg_path%%\"*}
            ;;
        esac
    done <<EOF_JSON
$(sed 's/^[[:space:]]*//' "$1/work.json")
EOF_JSON
    rm -f "$1/work.json"
    dg_path=$1/go.work
    shift 2
    [ $# = 0 ] || go_do work edit "$@" "$dg_path"
}

# Succeeds only when the module builds without its workspace.
mend_work_off() {
    find_files
    [ -n "$dg_work" ] || unsuited 'there is no workspace (go.work) in use'
    [ -n "$dg_modfile" ] || unsuited "there is no go.mod for $PWD: it cannot be built without $dg_work"
    # Dlv's flags, so that what is compiled here need not be compiled again.
    GOWORK=off go_do build -gcflags='all=-N -l' -o /dev/null -- "$dg_package" || exit "$dg_failed"
}

# ---- caches

mend_gocache() {
    mkdir -p "$dg_dir/gocache" || exit "$dg_failed"
    if ! dd if=/dev/zero of="$dg_dir/gocache/try" bs=65536 count=64 2>"$dg_dir/words"; then
        grep -v records "$dg_dir/words"
        echo "no build cache can be made in $dg_dir on the Go machine"
        rm -rf "$dg_dir/gocache"
        exit "$dg_failed"
    fi
    rm -f "$dg_dir/gocache/try"
}

# A module of its own whose go.sum is all that the user's files say: the judge of what is fetched. Sets dg_judge.
make_judge() {
    dg_judge=$dg_dir/judge
    rm -rf "$dg_judge"
    mkdir "$dg_judge" || exit "$dg_failed"
    printf 'module delvegate.invalid/judge\n' >"$dg_judge/go.mod"
    {
        cat "$dg_sumfile"
        if [ -n "$dg_work" ]; then
            cat "$dg_work.sum"
            go_do list -mod=readonly -m -f '{{if .Main}}{{.Dir}}{{end}}' | while IFS= read -r dg_d; do
                cat "$dg_d/go.sum"
            done
        fi
    } 2>/dev/null | sort -u >"$dg_judge/go.sum"
}
# Fetches modules in the judge's sight: fetch CACHE PROXY MODULE@VERSION... Without CACHE into the real one.
fetch() {
    (
        cd "$dg_judge" || exit 1
        # GOPRIVATE would pass a given proxy by.
        # shellcheck disable=SC2030 # meant
        [ -z "$1" ] || GOMODCACHE=$1
        [ -z "$2" ] || GOPROXY=$2 GONOPROXY=none
        GOWORK=off
        export GOMODCACHE GOWORK
        [ -z "$2" ] || export GOPROXY GONOPROXY
        shift 2
        go_do mod download "-modfile=$dg_judge/go.mod" "$@"
    )
}
# The path $1 as a file proxy.
as_proxy() {
    printf 'file://%s' "$(printf %s "$1" | od -An -v -tx1 | tr -d '\n' | sed 's/ \([0-9a-f][0-9a-f]\)/%\1/g;s/%2f/\//g')"
}

# Sets dg_module and dg_version where only a package, or nothing of a version, is known.
find_version() {
    [ -z "$dg_version" ] || return 0
    dg_found=$(go_do list -mod=readonly -m -e -f '{{with .Replace}}{{.Path}} {{.Version}}{{else}}{{.Path}} {{.Version}}{{end}} {{.Path}}' all |
        while read -r dg_path dg_v dg_old dg_rest; do
            case $dg_module/ in
            "$dg_old"/* | "$dg_path"/*) echo "${#dg_old} $dg_path $dg_v" ;;
            esac
        done | sort -n | tail -n 1)
    # shellcheck disable=SC2086 # three words
    set -- $dg_found
    dg_module=${2-} dg_version=${3-}
}

check_version() {
    case $dg_module@$dg_version in
    @* | *@ | /* | -* | *..* | *//* | *@*@* | *[!A-Za-z0-9_./@+~-]*) return 1 ;;
    esac
    case $dg_version in v*/* | [!v]*) return 1 ;; esac
}

case_encoded() {
    printf %s "$1" | LC_ALL=C sed 's/[A-Z]/!&/g' | tr '[:upper:]' '[:lower:]'
}

# Moves PATH aside under NAME, having written down where it belongs.
aside() { # PATH NAME
    [ -e "$1" ] || [ -h "$1" ] || return 0
    dg_bits=rw
    # A directory moves only where it may be written, which those of the module cache may not.
    # shellcheck disable=SC2012 # the mode of one file
    case $(LC_ALL=C ls -ld "$1") in dr-*)
        dg_bits=ro ;;
    esac
    printf '%s %s %s\n' "$2" "$dg_bits" "$(escape "$1")" >>"$dg_run/aside"
    [ "$dg_bits" = rw ] || chmod u+w "$1"
    mv "$1" "$dg_aside/$2"
}
aside_begin() {
    # What could not be put back before must not be forgotten.
    restore "$dg_run" || return 1
    dg_aside=$GOMODCACHE/cache/delvegate-aside-${dg_run##*/}
    printf '%s\n' "$(escape "$dg_aside")" >"$dg_run/aside" && mkdir -p "$dg_aside"
}
aside_done() {
    echo 'done' >>"$dg_run/aside"
    restore "$dg_run"
}

# Puts back what a remedy of run directory $1 has moved aside, or removes it when what came in its place is good.
# May be ended at any point and called again.
restore() {
    { read -r dg_raw <"$1/aside"; } 2>/dev/null || return 0
    decode "$dg_raw"
    dg_aside=$dg_value
    if ! grep -q '^done$' "$1/aside"; then
        while read -r dg_name dg_bits dg_raw; do
            [ -n "$dg_raw" ] || continue
            decode "$dg_raw"
            if [ -e "$dg_aside/$dg_name" ] || [ -h "$dg_aside/$dg_name" ]; then
                erase "$dg_value"
                # Into a directory mv would move it.
                [ ! -e "$dg_value" ] || return 1
                mv "$dg_aside/$dg_name" "$dg_value" || return 1
            fi
            [ "$dg_bits" = rw ] || chmod u-w "$dg_value"
        done <"$1/aside"
    fi
    erase "$dg_aside"
    rm -f "$1/aside"
}

# Fetches one module@version again, first beside the cache: where that fails the cache is not touched.
purge() {
    find_files
    find_version
    [ -n "$dg_module$dg_version" ] || unsuited 'go did not say which module of the cache is damaged'
    check_version || unsuited "'$dg_module@$dg_version' is no module@version"
    dg_entry=$(case_encoded "$dg_module")/@v/$(case_encoded "$dg_version")
    dg_tree=$GOMODCACHE/$(case_encoded "$dg_module")@$(case_encoded "$dg_version")
    dg_entry=$GOMODCACHE/cache/download/$dg_entry
    make_judge
    erase "$dg_dir/scratch"
    fetch "$dg_dir/scratch" '' "$dg_module@$dg_version" >"$dg_dir/words" 2>&1
    dg_status=$?
    cat "$dg_dir/words"
    if grep -q -e '^SECURITY ERROR' -e 'checksum mismatch' "$dg_dir/words"; then
        dg_status=$dg_failed
    elif [ "$dg_status" = 0 ]; then
        purge_swap "$(as_proxy "$dg_dir/scratch/cache/download")"
        dg_status=$?
    else
        dg_status=$dg_restored
    fi
    erase "$dg_dir/scratch"
    [ "$dg_status" != "$dg_restored" ] ||
        echo "$dg_module@$dg_version could not be fetched; its entry in $GOMODCACHE is as it was"
    exit "$dg_status"
}

# Lock files stay where they are: another go may be waiting at them.
purge_swap() { # PROXY
    aside_begin || return "$dg_failed"
    # The tree first: at no time is there one without what it was made from.
    if aside "$dg_tree" tree && aside "$dg_entry.partial" partial && aside "$dg_entry.ziphash" ziphash &&
        aside "$dg_entry.zip" zip && aside "$dg_entry.mod" mod && aside "$dg_entry.info" info &&
        fetch '' "$1" "$dg_module@$dg_version"; then
        aside_done
        mend_copy_sums
        return 0
    fi
    restore "$dg_run"
    return "$dg_restored"
}
# Sums of a copy that were taken from the damaged entry go.
mend_copy_sums() {
    [ -e "$dg_dir/go.sum" ] || return 0
    {
        awk -v m="$dg_module" -v v="$dg_version" '!($1 == m && ($2 == v || $2 == v "/go.mod"))' "$dg_dir/go.sum"
        awk -v m="$dg_module" -v v="$dg_version" '$1 == m && ($2 == v || $2 == v "/go.mod")' "$dg_judge/go.sum"
    } >"$dg_dir/go.sum.new" && mv "$dg_dir/go.sum.new" "$dg_dir/go.sum"
}

# Everything that the build needs is fetched beside the cache first: where that fails, nothing is cleaned.
clean_modcache() {
    find_files
    make_judge
    erase "$dg_dir/scratch"
    if ! (
        # shellcheck disable=SC2030 # meant
        GOMODCACHE=$dg_dir/scratch
        export GOMODCACHE
        download_needed
    ) >"$dg_dir/words" 2>&1; then
        cat "$dg_dir/words"
        erase "$dg_dir/scratch"
        unsuited "not everything can be fetched again; the module cache $GOMODCACHE is left as it is"
    fi
    go_do clean -modcache || dg_status=$dg_failed
    GOPROXY=$(as_proxy "$dg_dir/scratch/cache/download"),$(go_do env GOPROXY) GONOPROXY=none
    export GOPROXY GONOPROXY
    download_needed || dg_status=$dg_failed
    erase "$dg_dir/scratch"
    exit "${dg_status:-0}"
}
# In the module itself, with copies of its files for what go writes.
download_needed() {
    mkdir -p "$dg_dir/needed" || return 1
    if [ -n "$dg_work" ]; then
        rm -f "$dg_dir/needed"/go.*
        (copy_work "$dg_dir/needed") && GOWORK=$dg_dir/needed/go.work go_do mod download
    elif is_vendored; then
        echo "the build takes its modules from $dg_root/vendor"
        return 1
    else
        cat "$dg_modfile" >"$dg_dir/needed/go.mod" && cat "$dg_judge/go.sum" >"$dg_dir/needed/go.sum" &&
            go_do mod download "-modfile=$dg_dir/needed/go.mod"
    fi
}
