#!/bin/sh
# Runs node with the given arguments: Debian's where there are several, the version that the tests are written for.
set -eu
if [ -x /usr/bin/node ]; then
    exec /usr/bin/node "$@"
fi
command -v node >/dev/null || {
    echo "node is missing: apt-get install nodejs, or scripts/bootstrap.sh demo" >&2
    exit 127
}
exec node "$@"
