#!/usr/bin/env bash
# No part of the tree includes a header that it must not know; the Makefile runs this:
#   test/lint-layers.sh 'LAYER...' 'SOURCE...'
# LAYERs are the folders of proxy/, each below those that may use it; SOURCEs are those outside proxy/ that the supervisor is
# built of.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
layers=$1 shared=$2
bad=0

# Prints what it reads, each line followed by why it is wrong. $1: the reason.
complain() {
    if sed "s|\$|: $1|" | grep .; then
        bad=1
    fi
}
# The #include lines of files that do not match. $1: what may be included, as a regular expression; the rest: the files.
includes_but() {
    local allowed=$1
    shift
    grep -nHE '^#include ("|<)' "$@" | grep -vE ":#include ($allowed)"
}

headers_above() {
    awk -v layers="$layers" '
        BEGIN { n = split(layers, layer); for (i = 1; i <= n; i++) height[layer[i]] = i }
        match($0, /^#include "proxy\/[a-z]+\//) {
            split($0, to, "/")
            split(FILENAME, from, "/")
            if (height[to[2]] == 0 || height[to[2]] > height[from[2]])
                print FILENAME ": " $0
        }' proxy/*/*.[ch]
}

tunnel_headers='assert|stdarg|stdbool|stddef|stdint|stdio|stdlib|string'
# What musl has, without the name service.
libc_headers='assert|ctype|dirent|endian|errno|fcntl|inttypes|limits|poll|sched|signal|spawn|std[a-z]*|string|strings|termios'
libc_headers+='|time|unistd|arpa/inet|netinet/[a-z]+|sys/[a-z_]+'
shared_headers="dap/must_use.h ${shared//.c/.h}"
shared_headers=${shared_headers// /|}
shared_headers=${shared_headers//./\\.}

complain "a header of a layer above" < <(headers_above)
complain "the tunnel is pure: libc and itself alone" < <(
    includes_but "\"proxy/tunnel/|<($tunnel_headers)\\.h>" proxy/tunnel/*.[ch])
complain "the supervisor includes libc, the tunnel and SUPERVISOR_SHARED" < <(
    includes_but "\"(proxy/(supervisor|tunnel)/|($shared_headers)\"|supervisor_build\\.h\")|<($libc_headers)\\.h>" \
        proxy/supervisor/*.[ch])
complain "the supervisor is a program of its own" < <(
    grep -nHE '^#include "proxy/supervisor/' dap/*.[ch] delve/*.[ch] config/*.[ch] proxy/*/*.[ch] | grep -v '^proxy/supervisor/')
exit $bad
