#!/bin/sh
# Runs one fuzz target for so many seconds: test/fuzz.sh NAME SECONDS
# Its seeds are in test/fuzz/corpus/NAME; what it finds on the way and what breaks it go below build/.
set -eu
cd "$(dirname "$0")/.."
name=$1
seconds=$2
seeds=test/fuzz/corpus/$name
found=build/fuzz/corpus/$name
broken=build/fuzz/broken
mkdir -p "$found" "$broken"
[ -n "$(ls "$seeds" 2>/dev/null)" ] || {
    echo "fuzz target $name has no seeds in $seeds"
    exit 1
}
set -- -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="$broken/$name-"
[ ! -f "test/fuzz/$name.dict" ] || set -- "$@" -dict="test/fuzz/$name.dict"
unset ASAN_OPTIONS UBSAN_OPTIONS
build/fuzz/fuzzers/"$name" "$@" "$found" "$seeds"
