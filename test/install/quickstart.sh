# shellcheck shell=bash
# README's quick start, as far as one machine goes: its lines and its files as they stand there.

# The section's numbered lines.
quick_start() {
    sed -n '/^## Quick start/,/^## /p' README.md | grep -E '^[0-9]+\. '
}
# The commands of its lines that have a word.
quick_start_commands() { # WORD
    quick_start | grep -F -- "$1" | grep -o '`[^`]*`' | tr -d '`'
}
# One of its files, without the line that names it.
quick_start_file() { # NAME
    sed -n "\\,^// .*/$1\$,,/^\`\`\`\$/p" README.md | sed '1d; $d'
}
# What an expression makes of the files.
of_files() { # EXPRESSION of config, launch and task
    node -e '
        const [config, launch, tasks] = process.argv.slice(2).map((name) => JSON.parse(require("fs").readFileSync(name, "utf8")));
        const print = new Function("config", "launch", "task", `return ${process.argv[1]}`);
        console.log([print(config.targets.gomachine, launch.configurations[0], tasks.tasks[0])].flat().join("\n"));
    ' "$1" "$QUICK/.config/delvegate/config.json" "$QUICK/src/hello/.vscode/launch.json" "$QUICK/src/hello/.vscode/tasks.json"
}
as_quick() {
    "${AS_USER[@]}" HOME="$QUICK" PATH="$TREE/build:$PATH" "$@"
}

case_quick_start() {
    local line
    QUICK="$TMP/quick start"
    mkdir "$QUICK"
    give "$QUICK"
    check "README has at most 250 lines" test "$(wc -l <README.md)" -le 250
    check "the quick start has at most ten lines" test "$(quick_start | wc -l)" -le 10
    check "and not none" test "$(quick_start | wc -l)" -ge 5
    for line in 'git clone' scripts/bootstrap.sh 'sudo make install' ssh-copy-id golang-go mkdir 'F5'; do
        check "the quick start has $line" has "$(quick_start)" "*$line*"
    done
    check "its directories can be made" as_quick sh -ec "$(quick_start_commands mkdir | grep ^mkdir)"
    quick_start_file config.json >"$QUICK/.config/delvegate/config.json"
    quick_start_file launch.json >"$QUICK/src/hello/.vscode/launch.json"
    quick_start_file tasks.json >"$QUICK/src/hello/.vscode/tasks.json"
    check "its configuration is one" same "$(as_quick sh -ec "$(quick_start_commands --check-config)" 2>/dev/null)" \
        'gomachine: 127.0.0.1:4711 -> gomachine'
    check "launch.json connects where delvegate listens" same "$(of_files 'launch.debugServer === config.listen')" true
    check "and begins with the task" same "$(of_files 'launch.preLaunchTask === task.label')" true
    if command -v rsync >/dev/null; then
        quick_start_copies
    else
        skip "its task copies the source" "rsync is missing"
    fi
}

# The task through rsync's own protocol, to a shell that stands for the Go machine's.
quick_start_copies() {
    local source="$QUICK/src/hello" copy="$QUICK/there/src/hello" args
    printf '#!/bin/sh\n[ "$1" = gomachine ] || exit 1\nshift\nexec sh -c "$*"\n' >"$TMP/shell-there"
    chmod 755 "$TMP/shell-there"
    mapfile -t args < <(of_files '[task.command, ...task.args]' |
        sed "s,:\${workspaceFolder},:$copy,; s,\${workspaceFolder},$source,")
    as_quick sh -ec 'cd; mkdir "src/hello/a b" src/hello/.git; echo package main >src/hello/main.go; echo x >"src/hello/a b/x.go"'
    check "its task copies the source" as_quick RSYNC_RSH="$TMP/shell-there" "${args[@]}"
    check "whole, but for .git" same "$(diff -r "$source" "$copy" 2>&1)" "Only in $source: .git"
    as_quick rm "$source/main.go"
    check "and once more" as_quick RSYNC_RSH="$TMP/shell-there" "${args[@]}"
    check "takes away there what is gone here" not test -e "$copy/main.go"
}

# The whole of it, typed in fresh roots with a second one as the Go machine: some minutes, and the network.
case_walk() {
    local suite cannot=77
    [ -n "${CHECK_ALL-}" ] && [ -e .git ] || return 0
    for suite in bookworm trixie; do
        test/node.sh test/install/walk.mjs $suite >"$TMP/walk.log" 2>&1
        case $? in
        0) check "the quick start in a fresh root of $suite: $(grep ^walk "$TMP/walk.log")" true ;;
        "$cannot") skip "the quick start in a fresh root of $suite" "$(tail -n 1 "$TMP/walk.log")" ;;
        *) check "the quick start in a fresh root of $suite" same "$(tail -n 40 "$TMP/walk.log")" 'a stop at the breakpoint' ;;
        esac
    done
}
