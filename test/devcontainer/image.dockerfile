# What the published Go image of the example has, from a fresh Debian root: Go, Delve, and the user vscode. Node is for
# the test's own client.
ARG BASE
FROM $BASE
RUN apt-get -qq update && apt-get -qq -y --no-install-recommends install golang-go delve nodejs >/dev/null && \
    useradd --create-home --shell /bin/bash vscode
