#!/usr/bin/env bash
# Runs test suites one after the other, shows what they print, and ends with the sum of what they counted:
#   test/run.sh [compilers] [unit] [coverage] [fuzz] [lint] [supervisor] [install] [ssh] [systemd] [feature] [e2e]
#       [container] [devcontainer] [vscode]
# A suite that ends badly without having counted a failure counts as one; so does one that counted nothing.
# CHECK_ALL=1 makes fuzzing and the end-to-end tests longer. FUZZ_SECONDS is the time of each fuzz target. CHECK_UNTIL is
# when all must be done, in seconds since 1970: what is not is cut off, or not begun, and counts as failed.
set -uo pipefail
unset CDPATH
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
. test/count.sh

top=$PWD
asan=build/asan
logs=build/check
passed=0 failed=0 skipped=0
failures=()
logs_of=() # for each of them the log that tells more
named=20   # lines at the end on the failed tests of each
descriptors=4096 # that the tests may have open, where that is allowed
output_seconds=20 # for the last of a program's output, once it has ended
grace=10s # from SIGTERM to SIGKILL
shell_limit=1200 # seconds for one program of the shell tests: six times what it takes
supervisor_limit=600
build_limit=1200
e2e_limit=1200
e2e_at_once=3 # files of tests: most of their time they wait for something
fuzz_grace=120 # to begin and to end
feature_limit=1200
vscode_limit=3600 # half of it to install it
feature= # the process of the Feature's tests in the background
cut= # whether a signal has ended the run

# What decides nothing here, whatever it is where the tests are run. Of a make above us only its variables are passed on.
exec </dev/null
umask 022
[ "$(ulimit -n)" = unlimited ] || [ "$(ulimit -n)" -ge $descriptors ] || ulimit -n $descriptors 2>/dev/null
export LC_ALL=C.UTF-8
export WERROR=1 # for every make that a suite runs
unset LANGUAGE POSIXLY_CORRECT BASH_ENV ENV GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE NODE_TEST_CONTEXT FORCE_COLOR MFLAGS MAKELEVEL CASE
unset GOFLAGS GOROOT GOBIN GOPATH GOOS GOARCH GO111MODULE GOWORK GODEBUG
export GOENV=off
case ${MAKEFLAGS-} in
*' -- '*) export MAKEFLAGS=" -- ${MAKEFLAGS#* -- }" ;;
*) unset MAKEFLAGS ;;
esac
# git, which go asks too, reads no clone of somebody else's unless it is told to.
given=${GIT_CONFIG_COUNT:-0}
export GIT_CONFIG_COUNT=$((given + 1)) "GIT_CONFIG_KEY_$given=safe.directory" "GIT_CONFIG_VALUE_$given=$top"
if ! { [ -d "${HOME-}" ] && [ -w "$HOME" ]; }; then
    export HOME=$top/build/home
    mkdir -p "$HOME"
fi

# What tests leave behind when they are ended is here. A path that is short: sockets have room for about a hundred bytes.
case ${TMPDIR:-/tmp} in
*[!A-Za-z0-9/._-]* | ????????????????????????????????*) TMPDIR=/tmp ;;
esac
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/dv.XXXXXX") || exit 2
export TMPDIR
chmod 755 "$TMPDIR" # for tests that are another user's

# Sanitizers write to files: whatever process it was and wherever its stderr went, a report fails the suite.
reports=$top/$logs/sanitizer
# The quotes are theirs: a path may have blanks and colons.
export ASAN_OPTIONS="detect_leaks=1:halt_on_error=1:exitcode=99:log_path='$reports'"
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1:log_path='$reports'"
export LSAN_OPTIONS="exitcode=99:print_suppressions=0:suppressions='$top/test/lsan.supp'"
export DELVEGATE=${DELVEGATE:-$top/$asan/delvegate}
mkdir -p $logs
rm -f "$reports".*

# Ends what was started in the background, waits for it, and takes away what it left. A job is a `timeout`, which passes the
# signal on to all that it started, or a shell that ends when the one below it has ended.
finish() {
    local jobs job
    mapfile -t jobs < <(jobs -rp)
    for job in "${jobs[@]}"; do
        pkill -TERM -P "$job" -x 'env|timeout' || kill -TERM "$job" 2>/dev/null
    done
    for job in "${jobs[@]}"; do
        wait "$job" 2>/dev/null
    done
    [ -n "${KEEP-}" ] || { chmod -R u+w "$TMPDIR"; rm -rf "$TMPDIR"; } 2>/dev/null
}
trap finish EXIT
# $1: the signal.
cut_short() {
    trap '' HUP INT PIPE TERM
    cut="cut short by SIG$1"
    summary
    exit 1
}
for signal in HUP INT PIPE TERM; do
    # shellcheck disable=SC2064 # this signal
    trap "cut_short $signal" $signal
done

# Adds counts to the sum. $1: name; $2, $3, $4: passed, failed, skipped; $5: the log of what failed.
add() {
    passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
    if [ "$3" -ne 0 ]; then
        failures+=("$1")
        logs_of+=("${5-}")
    fi
}

# Names what failed in a log, each once, and the first lines of why as far as node says it: of a run on another machine
# nobody may see more than the end.
what_failed() {
    awk -v lines=4 -v width=300 '
        /^ *(✖ .*[^:]$|FAIL|not ok|\[  FAILED  \] [a-z])/ {
            sub(/^ */, "    ")
            sub(/ \([0-9.]*ms\)$/, "")
            more = seen[$0]++ ? 0 : lines
            if (more)
                print
            next
        }
        /^ *(at |✔|▶|ℹ|$)/ || !/^ / { if (!/^ *$/) more = 0; next }
        more-- > 0 { sub(/^ */, "        "); print substr($0, 1, width) }'
}

# The last lines: which tests failed, and the sum.
summary() {
    local i
    for i in "${!failures[@]}"; do
        printf 'failed: %s\n' "${failures[$i]}"
        if [ -e "${logs_of[$i]}" ]; then
            what_failed <"${logs_of[$i]}" | head -n "$named"
        fi
    done
    [ -z "$cut" ] || echo "test/run.sh: $cut"
    echo "$passed passed, $failed failed, $skipped skipped"
}

# The seconds that something may take: its own limit, or what is left of the time of the whole run.
allowed() {
    local left=$1
    if [ -n "${CHECK_UNTIL-}" ]; then
        left=$((CHECK_UNTIL - $(date +%s)))
    fi
    echo $((left < $1 ? left : $1))
}

# Runs a command for so many seconds at most, in the background of this shell, so that signals to it are answered at once.
# A job would ignore SIGINT, and so would the programs that are debugged; and who started the tests may have ignored
# others: all are set back. Status 124 also when there is no time to begin.
bounded() {
    local seconds
    seconds=$(allowed "$1")
    shift
    [ "$seconds" -gt 0 ] || return 124
    env --default-signal timeout --kill-after=$grace "$seconds" "$@" &
    wait $!
}

# Runs one program with its output shown and kept, and adds what it counted. What it leaves running and holding its
# output is a failure, and not waited for.
# $1: name; $2: how it counts (cmocka, line, node, status); $3: the longest time; the rest: the command.
run() {
    local name=$1 kind=$2 limit=$3 begin=$SECONDS took='' log out tee status p f s report left=0
    shift 3
    log=$logs/${name//\//-}.log
    echo "== $name"
    exec {out}> >(exec tee "$log")
    tee=$!
    if [ "$(type -t "$1")" = function ]; then
        "$@" >&"$out" 2>&1
    else
        bounded "$limit" "$@" >&"$out" 2>&1 {out}>&-
    fi
    status=$?
    exec {out}>&-
    if ! timeout "$output_seconds" tail -s 0.1 --pid=$tee -f /dev/null; then
        kill $tee
        left=1
    fi
    read -r p f s < <("count_$kind" "$status" <"$log")
    for report in "$reports".*; do
        [ -e "$report" ] || continue
        cat "$report"
        mv "$report" "$log.${report##*/}"
        f=$((f + 1))
    done
    if [ $left -eq 1 ]; then
        echo "$name: it ended with status $status, and something that it started still holds its output"
        f=$((f + 1))
    fi
    if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
        if [ "$(allowed "$limit")" -lt "$limit" ]; then
            echo "$name: stopped, or not begun: the time of the whole run (CHECK_UNTIL) is over"
        else
            echo "$name: stopped after $limit s"
        fi
    fi
    if [ "$status" -ne 0 ] && [ "$status" -ne 77 ] && [ "$f" -eq 0 ]; then
        echo "$name: exit status $status"
        f=1
    elif [ $((p + f + s)) -eq 0 ]; then
        echo "$name: counted no test"
        f=1
    fi
    echo "-- $name: $p passed, $f failed, $s skipped in ${took:-$((SECONDS - begin))} s"
    add "$name" "$p" "$f" "$s" "$log"
}

# A build that a suite needs. Quiet when all is well.
build() {
    local log=$logs/build.log
    if bounded $build_limit make -j2 "$@" >"$log" 2>&1; then
        return 0
    fi
    tail -n 40 "$log"
    add "make $*" 0 1 0
    return 1
}

# For the background: runs a program and keeps what it printed and how it ended, whoever waits for it.
# $1: name; $2: the longest time; the rest: the command.
kept() {
    local name=$1 begin=$SECONDS
    shift
    rm -f "$logs/$name.status"
    bounded "$@" >"$logs/$name.out" 2>&1
    echo $? $((SECONDS - begin)) >"$logs/$name.status"
}
# Shows what such a program printed, and ends as it did; to `run` it says how long that took.
replay() {
    local status
    cat "$logs/$1.out"
    read -r status took <"$logs/$1.status" || status=1 # it was killed before it could say
    return "$status"
}

suite_compilers() {
    local cc
    for cc in gcc clang; do
        run "build with $cc" status 600 make -j2 CC=$cc BUILD=build/$cc objects
    done
}

suite_unit() {
    local source
    build KIND=asan unit-programs || return
    for source in test/unit/*_test.c; do
        source=${source##*/}
        run "unit/${source%.c}" cmocka 300 "$asan/unit/${source%.c}"
    done
    run schedules status 600 "$asan/schedules"
}

suite_coverage() {
    local source data
    for source in test/unit/*_test.c; do
        source=${source##*/}
        run "unit/${source%.c}" cmocka 300 "build/cov/unit/${source%.c}"
    done
    mapfile -t data < <(find build/cov/dap build/cov/delve build/cov/config build/cov/proxy/{tunnel,supervisor} -name '*.gcda')
    gcov -n "${data[@]}" |
        awk '/^File/ { file = $2 } /^Lines/ && file ~ /\.c/ && file !~ /\/usr/ { print file, $2, $3, $4; file = "" }' | sort
}

# Fuzz targets run two at a time: each is one thread, and the machine this is measured for has two cores.
suite_fuzz() {
    local seconds=${FUZZ_SECONDS:-10} source name pids=() names=()
    if [ "${CHECK_ALL:-0}" = 1 ]; then
        seconds=${FUZZ_SECONDS:-120}
    fi
    build KIND=fuzz fuzz-programs || return
    for source in test/fuzz/*.c; do
        name=${source##*/} name=${name%.c}
        kept "fuzz-$name" $((seconds + fuzz_grace)) test/fuzz.sh "$name" "$seconds" &
        pids+=($!) names+=("$name")
        if [ ${#pids[@]} -eq 2 ]; then
            finish_fuzz
        fi
    done
    finish_fuzz
}
finish_fuzz() {
    local i
    [ ${#pids[@]} -eq 0 ] || wait "${pids[@]}" # without any it would wait for all jobs
    for i in "${!pids[@]}"; do
        run "fuzz/${names[$i]}" status $((seconds + fuzz_grace)) replay "fuzz-${names[$i]}"
    done
    pids=() names=()
}

# Linters of other versions than Debian 12's find other things, and set lines otherwise: they are not asked.
# $1: program; $2: its version; the rest: what `run` takes.
run_pinned() {
    local program=$1 wanted=$2 found
    shift 2
    found=$("$program" --version | grep -oE '[0-9]+\.[0-9]+' | head -n 1)
    if [ "$found" = "$wanted" ]; then
        run "$@"
    else
        echo "== $1: skipped, $program is $found here, not $wanted"
        add "$1" 0 0 1
    fi
}

suite_lint() {
    run_pinned clang-format 14.0 lint/format status 60 make lint-format
    build all && run lint/words status 60 make lint-words
    run lint/shell status 120 make lint-shell
    run lint/layers status 60 make lint-layers
    run_pinned cppcheck 2.10 lint/cppcheck status 300 make lint-cppcheck
    run_pinned clang-tidy 14.0 lint/tidy status 600 make -k -j2 lint-tidy
    if [ "${CHECK_ALL:-0}" = 1 ]; then
        run_pinned clang-tidy 14.0 lint/analyze status 1800 make -k -j2 lint-analyze
    fi
}

# Shell tests: each program under the folder that is executable; it ends with a line `N passed, N failed`.
shell_tests() {
    local program found=no
    for program in test/"$1"/*; do
        if [ -f "$program" ] && [ -x "$program" ]; then
            found=yes
            run "$1/$(basename "$program" .sh)" line $shell_limit "$program"
        fi
    done
    if [ $found = no ]; then
        echo "test/$1 holds no executable test"
        add "$1" 0 1 0
    fi
}
# The supervisor by itself: as the tests' kind has it; as it is installed; and the one for another architecture in an
# emulator, which knows no ptrace. The tests are told by $SUPERVISOR, a command, which one it is.
suite_supervisor() {
    local source name arch=aarch64 emulator
    [ "$(uname -m)" != aarch64 ] || arch=x86_64
    build KIND=asan supervisor-programs || return
    build all || return
    emulator=$(command -v "qemu-$arch-static" || command -v "qemu-$arch")
    mkdir -p "$TMPDIR/cache" || return
    for source in test/supervisor/*_test.c; do
        name=${source##*/} name=${name%.c}
        supervisor_test "$name" asan "$top/$asan/supervisor"
        supervisor_test "$name" release "$top/build/release/supervisor"
        if [ -n "$emulator" ] && [ -x "build/release/supervisor-$arch/supervisor" ]; then
            supervisor_test "$name" "$arch" "$emulator $top/build/release/supervisor-$arch/supervisor"
        else
            echo "== supervisor/$name-$arch: skipped: the cross compiler or qemu-$arch-static is missing"
            add "supervisor/$name-$arch" 0 0 1
        fi
    done
    shell_tests supervisor
}
supervisor_test() { # NAME WHICH COMMAND
    run "supervisor/$1-$2" cmocka $supervisor_limit env SUPERVISOR="$3" XDG_CACHE_HOME="$TMPDIR/cache" "$asan/supervisor-tests/$1"
}
suite_install() {
    shell_tests install
}
# Real user units under a real `systemd --user`.
suite_systemd() {
    build KIND=asan program || return
    build all || return
    run systemd line $shell_limit test/install/systemd/run
}
# The dev container Feature in fresh Debian roots. Most of its time it waits for downloads: test/run.sh begins with it
# when end-to-end tests are run too, and shows it when they are done.
suite_feature() {
    if [ -z "$feature" ]; then
        run feature line $feature_limit test/container/feature/run
        return
    fi
    wait "$feature" 2>/dev/null # or e2e has waited for it
    run feature line $feature_limit replay feature
}
# Containers and the Dev Container CLI, with podman.
suite_container() {
    build KIND=asan program || return
    build all || return
    run container line 1200 test/container/gomachine/run
}
suite_devcontainer() {
    build KIND=asan program || return
    run devcontainer line 2400 test/container/devcontainer/run
}
# The real VS Code; it is installed first where it is not.
suite_vscode() {
    build KIND=asan program || return
    run vscode line $vscode_limit test/e2e/vscode/run
}
suite_ssh() {
    build KIND=asan ssh-programs || return
    shell_tests ssh
}

# Files of end-to-end tests run side by side, the long ones first: most of their time is waiting.
suite_e2e() {
    local file name limit=$e2e_limit files=()
    build KIND=asan program || return
    if [ "${CHECK_ALL:-0}" = 1 ]; then
        limit=3600
    fi
    mapfile -t files < <(ls test/e2e/{outage,reconnect,modgraph,recovery,restart,exec,kills,endings,launch,flaky}.test.mjs test/e2e/*.test.mjs | awk '!seen[$0]++')
    for file in "${files[@]}"; do
        while [ "$(jobs -rp | grep -cvx "${feature:-0}")" -ge $e2e_at_once ]; do
            wait -n
        done
        name=$(basename "$file" .test.mjs)
        kept "e2e-$name" "$limit" test/node.sh --test --test-reporter=spec "$file" &
    done
    wait
    for file in "${files[@]}"; do
        name=$(basename "$file" .test.mjs)
        run "e2e/$name" node "$limit" replay "e2e-$name"
    done
}

for suite in "$@"; do
    if [ "$(type -t "suite_$suite")" != function ]; then
        echo "test/run.sh: no suite '$suite'" >&2
        exit 2
    fi
done
case " $* " in
*" e2e"*" feature "*)
    kept feature $feature_limit test/container/feature/run &
    feature=$!
    ;;
esac
for suite in "$@"; do
    "suite_$suite"
done
summary
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
