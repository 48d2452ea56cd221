#!/usr/bin/env bash
# Documents that have to fit the program, after `make all`: the manual pages are set without a warning, README's
# configuration is one, and continuous integration elsewhere runs what it runs here.
#   test/lint-words.sh
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
bad=0

for page in delvegate.1 delvegate.json.5 delvegate-recovery.7; do
    if ! warnings=$(groff -man -Tutf8 -ww "build/$page" 2>&1 >build/words.txt) || [ -n "$warnings" ]; then
        echo "build/$page: $warnings"
        bad=1
    fi
done
sed -n '\,^// .*/config\.json$,,/^```$/p' README.md | sed '$d' >build/README.json
build/delvegate --check-config --config build/README.json || bad=1
for word in '- run: .ci/run' 'image: debian:' '"12"' '"13"'; do
    if ! grep -qF -e "$word" .github/workflows/ci.yml; then
        echo ".github/workflows/ci.yml: lacks $word"
        bad=1
    fi
done
exit $bad
