#!/usr/bin/env bash
# The supervisors that were built: static, libc alone, and those that delvegate says it carries.
#   test/supervisor/build.sh [DELVEGATE [DIRECTORY]]
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
delvegate=${1:-build/delvegate} built=${2:-build/release}
passed=0 failed=0 skipped=0
check() { # WHAT COMMAND...
    local what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok   $what"
    else
        failed=$((failed + 1))
        echo "FAIL $what"
    fi
}
skip() { # WHAT WHY
    skipped=$((skipped + 1))
    echo "skip $1: $2"
}
lacks() { # PATTERN; on stdin what should lack it
    ! grep -E "$1" | head -n 5 | grep .
}
# How to run a program of that architecture here.
runner() { # ARCHITECTURE
    if [ "$1" = "$(uname -m)" ]; then
        echo env
    else
        command -v "qemu-$1-static" || command -v "qemu-$1"
    fi
}
says_version() { # ARCHITECTURE PROGRAM
    local said
    said=$("$(runner "$1")" "$2" version) || return
    [[ $said =~ ^[0-9a-f]{16}\ $1$ ]] || { echo "     it said: $said"; return 1; }
}

version=$($delvegate --version)
for program in "$built"/supervisor-*/supervisor; do
    arch=${program%/supervisor} arch=${arch##*/supervisor-}
    check "$arch: no interpreter" lacks INTERP < <(readelf -lW "$program")
    check "$arch: no dynamic section" lacks NEEDED < <(readelf -dW "$program")
    check "$arch: no symbols" lacks . < <(readelf -sW "$program")
    check "$arch: libc alone, without the name service" lacks \
        ' (uv_|json_|libssh2_|EVP_|SSL_|pthread_create|getaddrinfo|gethostby|getpw|getgr[a-z]*(nam|gid|ent))' < <(
        readelf -sW "$program.full" | grep -v ' FILE ')
    check "$arch: delvegate has it" grep -qF "supervisor for $arch: $(sha256sum <"$program" | cut -c 1-12)," <<<"$version"
    if [ -n "$(runner "$arch")" ]; then
        check "$arch: it runs" says_version "$arch" "$program"
    else
        skip "$arch: it runs" "there is no qemu-$arch-static"
    fi
done
check "those for more than one architecture were built" [ "$((passed + failed))" -gt 6 ]
check "the one with sanitizers has nothing but them and libc" lacks NEEDED < <(readelf -dW build/asan/supervisor |
    grep -vE '\[(libc\.so|libm\.so|libgcc_s\.so|libasan|libubsan|ld-linux)')
check "this machine's own is beside delvegate" cmp "$(dirname "$delvegate")/supervisor" "$built/supervisor-$(uname -m)/supervisor"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
