#!/bin/sh
# Gets other versions of Go, each with the Delve that fits it, from Debian's archive into build/go, where
# test/modgraph/goes.mjs looks for them. Installs nothing: the packages are only unpacked. Does nothing when all is
# there; says what it could not get, and ends well all the same, as the tests leave that out.
set -eu
cd "$(dirname "$0")/../.."
at=$PWD/build/go
mirror=http://deb.debian.org/debian
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

missing=
for version in 1.24 1.27; do
    [ -x "$at/$version/usr/bin/dlv" ] && [ -x "$at/$version/usr/lib/go-$version/bin/go" ] || missing="$missing $version"
done
[ -n "$missing" ] || exit 0

fail() {
    echo "fetch-go: Go$missing is left out of the tests: $1" >&2
    exit 0
}
for program in apt-get dpkg-deb; do
    command -v "$program" >/dev/null || fail "there is no $program here"
done
[ -e "$keyring" ] || fail "there is no $keyring here"

# An apt of its own, which knows nothing of what is installed.
apt=$at/apt
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/packages"
: >"$apt/status"
for suite in trixie trixie-backports sid; do
    echo "deb [signed-by=$keyring] $mirror $suite main"
done >"$apt/sources.list"
cat >"$apt/apt.conf" <<END
Dir::State::Lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Sandbox::User "";
Acquire::Languages "none";
END
export APT_CONFIG="$apt/apt.conf"
apt-get update -qq >"$apt/log" 2>&1 || fail "apt-get update failed, see $apt/log"

# The Delve whose version is Go's, wherever it is.
delve_for() {
    apt-cache madison delve | awk -F ' *[|] *' -v v="$1" '$2 ~ "^" v "[.]" { print $2; exit }'
}
for version in $missing; do
    delve=$(delve_for "$version")
    if [ -z "$delve" ]; then
        echo "fetch-go: Go $version is left out of the tests: Debian's archive has no Delve $version" >&2
        continue
    fi
    (cd "$apt/packages" && apt-get download -qq "golang-$version-go" "golang-$version-src" "delve=$delve") >>"$apt/log" 2>&1 || {
        echo "fetch-go: Go $version is left out of the tests: apt-get download failed, see $apt/log" >&2
        continue
    }
    rm -rf "$at/$version.new"
    mkdir -p "$at/$version.new"
    for package in "$apt/packages/golang-$version"-*.deb "$apt/packages/delve_$version"*.deb; do
        dpkg-deb -x "$package" "$at/$version.new"
    done
    rm -rf "${at:?}/$version"
    mv "$at/$version.new" "$at/$version"
    echo "fetch-go: $("$at/$version/usr/lib/go-$version/bin/go" version) is in build/go/$version"
done
rm -rf "$apt/packages" "$apt/cache" "$apt/lists"
