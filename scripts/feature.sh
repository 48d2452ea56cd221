#!/bin/sh
# The dev container Feature, complete in one directory: the Dev Container CLI copies it without its repository.
#   scripts/feature.sh VERSION DIRECTORY
# In a clone the source in it is what HEAD has, in the tarball of `make dist` the tree.
set -eu
cd "$(dirname "$0")/.."
[ $# -eq 2 ] || {
    echo "usage: scripts/feature.sh VERSION DIRECTORY" >&2
    exit 2
}
version=$1 directory=$2
prefix=delvegate-$version/ tarball=$directory/delvegate.tar.gz

# A clone may belong to another user than the one who runs this, and its configuration names programs.
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
        echo "make feature: the Feature contains the source of HEAD, without your uncommitted changes" >&2
else
    tar --sort=name --owner=0 --group=0 --numeric-owner --transform="s,^,$prefix," -czf "$tarball" "$@"
fi
echo "$directory"
