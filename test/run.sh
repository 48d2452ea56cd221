#!/usr/bin/env bash
# Runs test suites one after the other, shows what they print, and ends with the sum of what they counted:
#   test/run.sh [compilers] [unit] [coverage] [fuzz] [lint] [install] [remote] [ssh] [systemd] [feature] [e2e]
#       [container] [devcontainer]
# A suite that ends badly without having counted a failure counts as one; so does one that counted nothing.
# CHECK_ALL=1 makes fuzzing and the end-to-end tests longer. FUZZ_SECONDS is the time of each fuzz target.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
. test/count.sh

top=$PWD
asan=build/asan
logs=build/check
passed=0 failed=0 skipped=0
failures=()
output_seconds=20 # for the last of a program's output, once it has ended
feature= # the process of the Feature's tests in the background

# Sanitizers write to files: whatever process it was and wherever its stderr went, a report fails the suite.
reports=$top/$logs/sanitizer
export ASAN_OPTIONS="detect_leaks=1:halt_on_error=1:exitcode=99:log_path=$reports"
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1:log_path=$reports"
export LSAN_OPTIONS="exitcode=99:print_suppressions=0:suppressions=$top/test/lsan.supp"
export DELVEGATE=${DELVEGATE:-$top/$asan/delvegate}
mkdir -p $logs
rm -f "$reports".*

# Adds counts to the sum. $1: name; $2, $3, $4: passed, failed, skipped.
add() {
    passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
    if [ "$3" -ne 0 ]; then
        failures+=("$1")
    fi
}

# Runs one program with its output shown and kept, and adds what it counted. What it leaves running and holding its
# output is a failure, and not waited for.
# Started in the background of a shell, all of this would ignore SIGINT, and so would the programs that are debugged:
# their signals are set back.
# $1: name; $2: how it counts (cmocka, line, node, status); $3: the longest time; the rest: the command.
run() {
    local name=$1 kind=$2 limit=$3 begin=$SECONDS log out tee status p f s report left=0
    shift 3
    log=$logs/${name//\//-}.log
    echo "== $name"
    exec {out}> >(exec tee "$log")
    tee=$!
    if [ "$(type -t "$1")" = function ]; then
        "$@" >&"$out" 2>&1
    else
        env --default-signal=INT,QUIT timeout --kill-after=10s "$limit" "$@" >&"$out" 2>&1 {out}>&-
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
        echo "$name: stopped after $limit"
    fi
    if [ "$status" -ne 0 ] && [ "$status" -ne 77 ] && [ "$f" -eq 0 ]; then
        echo "$name: exit status $status"
        f=1
    elif [ $((p + f + s)) -eq 0 ]; then
        echo "$name: counted no test"
        f=1
    fi
    echo "-- $name: $p passed, $f failed, $s skipped in $((SECONDS - begin)) s"
    add "$name" "$p" "$f" "$s"
}

# A build that a suite needs. Quiet when all is well.
build() {
    local log=$logs/build.log
    if make -j2 "$@" >"$log" 2>&1; then
        return 0
    fi
    tail -n 40 "$log"
    add "make $*" 0 1 0
    return 1
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
    mapfile -t data < <(find build/cov/dap build/cov/delve build/cov/config -name '*.gcda')
    gcov -n "${data[@]}" |
        awk '/^File/ { file = $2 } /^Lines/ && file ~ /\.c/ && file !~ /\/usr/ { print file, $2, $3, $4; file = "" }' | sort
}

# Fuzz targets run two at a time: each is one thread, and the machine this is measured for has two cores.
suite_fuzz() {
    local seconds=${FUZZ_SECONDS:-20} source name pids=() names=()
    if [ "${CHECK_ALL:-0}" = 1 ]; then
        seconds=${FUZZ_SECONDS:-120}
    fi
    build KIND=fuzz fuzz-programs || return
    for source in test/fuzz/*.c; do
        name=${source##*/} name=${name%.c}
        test/fuzz.sh "$name" "$seconds" >"$logs/fuzz-$name.out" 2>&1 &
        pids+=($!) names+=("$name")
        if [ ${#pids[@]} -eq 2 ]; then
            finish_fuzz
        fi
    done
    finish_fuzz
}
# Shows what a finished program printed, and ends as it did.
replay() {
    cat "$1"
    return "$2"
}
finish_fuzz() {
    local i status
    for i in "${!pids[@]}"; do
        wait "${pids[$i]}"
        status=$?
        run "fuzz/${names[$i]}" status 60 replay "$logs/fuzz-${names[$i]}.out" "$status"
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
    run lint/words status 300 make lint-words
    run lint/shell status 120 make lint-shell
    run_pinned cppcheck 2.10 lint/cppcheck status 300 make lint-cppcheck
    run_pinned clang-tidy 14.0 lint/tidy status 900 make -k -j2 lint-tidy
}

# Shell tests: each program under the folder that is executable; it ends with a line `N passed, N failed`.
shell_tests() {
    local program found=no
    for program in test/"$1"/*; do
        if [ -f "$program" ] && [ -x "$program" ]; then
            found=yes
            run "$1/$(basename "$program" .sh)" line 400 "$program"
        fi
    done
    if [ $found = no ]; then
        echo "test/$1 holds no executable test"
        add "$1" 0 1 0
    fi
}
suite_install() {
    shell_tests install
}
suite_remote() {
    shell_tests remote
}
# Real user units under a real `systemd --user`.
suite_systemd() {
    build KIND=asan program || return
    build all || return
    run systemd line 400 test/systemd/run
}
# The dev container Feature in fresh Debian roots. Most of its time it waits for downloads: test/run.sh begins with it
# when end-to-end tests are run too, and shows it when they are done.
suite_feature() {
    if [ -z "$feature" ]; then
        run feature line 1200 test/feature/run
        return
    fi
    wait "$feature" 2>/dev/null # or e2e has waited for it
    run feature line 60 replay "$logs/feature.out" "$(<"$logs/feature.status")"
}
feature_begin() {
    feature_run &
    feature=$!
}
feature_run() {
    env --default-signal=INT,QUIT timeout --kill-after=10s 1200 test/feature/run >"$logs/feature.out" 2>&1 </dev/null
    echo $? >"$logs/feature.status"
}
# Containers and the Dev Container CLI, with podman.
suite_container() {
    build KIND=asan program || return
    run container line 1200 test/container/gomachine
}
suite_devcontainer() {
    build KIND=asan program || return
    run devcontainer line 2400 test/devcontainer/run
}
suite_ssh() {
    build KIND=asan ssh-programs || return
    shell_tests ssh
}

# Files of end-to-end tests run two at a time, the long ones first: most of their time is waiting.
suite_e2e() {
    local file name limit=600 files=()
    build KIND=asan program || return
    if [ "${CHECK_ALL:-0}" = 1 ]; then
        limit=3600
    fi
    mapfile -t files < <(ls test/e2e/{modgraph,recovery,flaky,replay,endings,restart}.test.mjs test/e2e/*.test.mjs | awk '!seen[$0]++')
    for file in "${files[@]}"; do
        while [ "$(jobs -rp | wc -l)" -ge 2 ]; do
            wait -n
        done
        e2e_file "$file" "$limit" &
    done
    wait
    for file in "${files[@]}"; do
        name=$(basename "$file" .test.mjs)
        run "e2e/$name" node 60 replay "$logs/e2e-$name.out" "$(<"$logs/e2e-$name.status")"
    done
}
e2e_file() {
    local name
    name=$(basename "$1" .test.mjs)
    env --default-signal=INT,QUIT timeout --kill-after=10s "$2" test/node.sh --test --test-reporter=spec "$1" \
        >"$logs/e2e-$name.out" 2>&1 </dev/null
    echo $? >"$logs/e2e-$name.status"
}

case " $* " in *" e2e"*" feature "*) feature_begin ;; esac
for suite in "$@"; do
    case $suite in
    compilers | unit | coverage | fuzz | lint | install | remote | ssh | systemd | feature | e2e | container | devcontainer)
        "suite_$suite"
        ;;
    *)
        echo "test/run.sh: no suite '$suite'" >&2
        exit 2
        ;;
    esac
done
if [ ${#failures[@]} -ne 0 ]; then
    printf 'failed: %s\n' "${failures[@]}"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
