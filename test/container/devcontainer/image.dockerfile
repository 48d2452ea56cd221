# What the published Go images of the example and the Dockerfile have, from a fresh Debian root: Go, Delve, and the user
# vscode. Node is for the test's own client.
ARG BASE
# hadolint ignore=DL3006
FROM $BASE
RUN apt-get -qq update && apt-get -qq -y --no-install-recommends install golang-go delve nodejs >/dev/null && \
    useradd --create-home --shell /bin/bash vscode
