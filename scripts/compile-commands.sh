#!/bin/sh
# Prints compile_commands.json, how each file is compiled, for clangd and other tools:
#   scripts/compile-commands.sh COMMAND FILE... [-- COMMAND FILE...]
set -eu

json_text() {
    printf '%s\n' "$1" | sed 's/[\\"]/\\&/g'
}

directory=$(json_text "$PWD") separator='[' command=
for argument; do
    if [ "$argument" = -- ]; then
        command=
    elif [ -z "$command" ]; then
        command=$(json_text "$argument")
    else
        printf '%s{"directory": "%s", "file": "%s", "command": "%s -c %s"}' \
            "$separator" "$directory" "$argument" "$command" "$argument"
        separator=',
'
    fi
done
echo ']'
