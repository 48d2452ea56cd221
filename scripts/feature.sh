#!/bin/sh
# Writes the dev container Feature to a directory that contains all it needs: the CLI copies it without the repository.
#   scripts/feature.sh VERSION DIRECTORY
# The source in it is that of HEAD or, in the unpacked tarball of `make dist`, that of the tree.
set -eu
cd "$(dirname "$0")/.."
[ $# -eq 2 ] || {
    echo "usage: scripts/feature.sh VERSION DIRECTORY" >&2
    exit 2
}
version=$1 directory=$2
prefix=delvegate-$version/ tarball=$directory/delvegate.tar.gz

# A clone may belong to a user other than the one who runs this, and its configuration can name programs to run.
clone() {
    git -c safe.directory='*' -c core.fsmonitor=false "$@"
}

rm -rf "$directory"
mkdir -p "$directory"
cp scripts/devcontainer/delvegate/* "$directory"
sed -i "s/\"version\": \"[^\"]*\"/\"version\": \"$version\"/" "$directory/devcontainer-feature.json"
set -- Makefile LICENSE README.md config dap delve proxy scripts
if [ -e .git ]; then
    clone archive --format=tar.gz --prefix="$prefix" -o "$tarball" HEAD "$@"
    clone diff --quiet HEAD -- "$@" ||
        echo "make feature: $tarball contains the source of HEAD, without your uncommitted changes" >&2
else
    tar --sort=name --owner=0 --group=0 --numeric-owner --transform="s,^,$prefix," -czf "$tarball" "$@"
fi
echo "$directory"
