# shellcheck shell=bash
# Completions as a user gets them: an interactive shell on a terminal of its own, the Tab key, the line that it leaves.

# Starts a shell whose prompt is READY>, and which writes its line to the FIFO $TMP/line when Ctrl-X d is typed.
start_shell() { # COMMAND
    mkfifo "$TMP/line" 2>/dev/null
    give "$TMP/line"
    exec 8<>"$TMP/line"
    coproc SHELL_ON_TTY { as_user script -qfc "$1" /dev/null 2>&1; }
    # shellcheck disable=SC2153 # coproc's
    TYPE=${SHELL_ON_TTY[1]} SEE=${SHELL_ON_TTY[0]}
    IFS= read -r -t $LIMIT -d '>' _ <&"$SEE"
}
# What the line becomes when all completions are asked for at its end.
complete_line() { # LINE
    local line
    printf '%s\030a\030d' "$1" >&"$TYPE"
    IFS= read -r -t $LIMIT line <&8 || line='no answer'
    printf '%s' "$line" | sed 's/  */ /g; s/ $//; s,[/=]$,,'
}
end_shell() {
    local pid=$SHELL_ON_TTY_PID
    printf '\nexit\n' >&"$TYPE"
    timeout --kill-after=1s $LIMIT cat <&"$SEE" >"$TMP/shell.log" || kill "$pid"
    wait "$pid"
    exec 8>&-
}

# $1: the shell. What each line is completed to is the same in all.
completions_as_typed() {
    local shell=$1 config
    check "$shell: an option" same "$(complete_line 'delvegate --check')" 'delvegate --check-config'
    check "$shell: commands" same "$(complete_line 'delvegate ')" 'delvegate check-env exec help version'
    check "$shell: a command" same "$(complete_line 'delvegate exe')" 'delvegate exec'
    check "$shell: the targets of the user's configuration" same "$(complete_line 'delvegate exec ')" 'delvegate exec alpha beta'
    check "$shell: the targets of check-env" same "$(complete_line 'delvegate check-env a')" 'delvegate check-env alpha'
    check "$shell: the commands that help knows" same "$(complete_line 'delvegate help ver')" 'delvegate help version'
    check "$shell: the targets of another configuration" same \
        "$(complete_line "delvegate --config $TMP/other.json exec ")" "delvegate --config $TMP/other.json exec gamma"
    check "$shell: behind the command, and with =" same \
        "$(complete_line "delvegate exec --config=$TMP/other.json ")" "delvegate exec --config=$TMP/other.json gamma"
    # shellcheck disable=SC2088 # as it is typed
    for config in "\"$TMP/with blanks/other.json\"" "$TMP/with\\ blanks/other.json" '~/own.json'; do
        check "$shell: the targets of $config" same "$(complete_line "delvegate -c $config exec ")" "delvegate -c $config exec gamma"
        check "$shell: the same behind =" same \
            "$(complete_line "delvegate exec --config=$config ")" "delvegate exec --config=$config gamma"
    done
    check "$shell: a file for --config" same "$(complete_line "delvegate --config $TMP/oth")" "delvegate --config $TMP/other.json"
    check "$shell: a file for --config=" same "$(complete_line "delvegate --config=$TMP/oth")" "delvegate --config=$TMP/other.json"
    check "$shell: a directory for --cwd" same "$(complete_line "delvegate exec --cwd $TMP/hom")" "delvegate exec --cwd $TMP/home"
    check "$shell: the words of an option" same "$(complete_line 'delvegate --print-completion=z')" \
        'delvegate --print-completion=zsh'
    check "$shell: an option of a command" same "$(complete_line 'delvegate exec --cw')" 'delvegate exec --cwd'
    check "$shell: -- behind the target" same "$(complete_line 'delvegate exec alpha ')" 'delvegate exec alpha --'
    check "$shell: a broken configuration has no targets" same \
        "$(complete_line "delvegate -c $TMP/broken.json exec ")" "delvegate -c $TMP/broken.json exec"
}

bash_completions() {
    local how='found by its name'
    cat >"$TMP/bashrc" <<END
PATH=$HERE/bin:\$PATH PS1='READY> '
stty -icanon
unset HISTFILE
bind 'set enable-bracketed-paste off' 2>/dev/null
bind 'set bell-style none'
bind '"\\C-xa": insert-completions'
bind -x '"\\C-xd": printf "%s\\n" "\$READLINE_LINE" >"$TMP/line"; READLINE_LINE= READLINE_POINT=0'
END
    # With the package bash-completion the file is found by its name, else it is read.
    if [ -e /usr/share/bash-completion/bash_completion ]; then
        echo ". /usr/share/bash-completion/bash_completion" >>"$TMP/bashrc"
    else
        how='read'
        echo ". $HERE/share/bash-completion/completions/delvegate" >>"$TMP/bashrc"
        skip "bash-completion finds the file by its name" "the package bash-completion is not installed"
    fi
    start_shell "bash --noprofile --rcfile $TMP/bashrc -i"
    completions_as_typed "bash ($how)"
    end_shell
}

zsh_completions() {
    mkdir "$TMP/zsh"
    cat >"$TMP/zsh/.zshrc" <<END
PATH=$HERE/bin:\$PATH PS1='READY> ' PROMPT_SP='' HISTFILE=
stty -icanon
fpath=($HERE/share/zsh/site-functions \$fpath)
autoload -Uz compinit && compinit -u -D
zstyle ':completion:*' completer _all_matches _complete
zstyle ':completion:*' insert yes
zstyle ':completion:*' old-matches no
tell() { print -r -- "\$BUFFER" >$TMP/line; BUFFER= }
zle -N tell
bindkey -e
bindkey '^Xa' complete-word '^Xd' tell
END
    chmod -R a+rX "$TMP/zsh"
    start_shell "env ZDOTDIR=$TMP/zsh TERM=dumb zsh -d -i"
    completions_as_typed zsh
    end_shell
}

fish_completions() {
    # It answers without a terminal. It also writes to its home, which is to be none that we compare.
    cp -r "$TMP/home" "$TMP/fish"
    give "$TMP/fish"
    complete_line() {
        local line=$1 word=${1##* } found
        found=$(as_user env HOME="$TMP/fish" PATH="$HERE/bin:$PATH" fish -c "complete -C '$line'" 2>&1 |
            sed 's/\t.*//' | LC_ALL=C sort | tr '\n' ' ')
        sed 's/ $//; s,/$,,' <<<"${line%"$word"}${found% }"
    }
    completions_as_typed fish
}

case_completions() {
    mkdir "$TMP/with blanks"
    echo '{ "targets": { "gamma": { "listen": 4711 } } }' | tee "$TMP/other.json" "$TMP/with blanks/other.json" >"$TMP/home/own.json"
    echo '{ "targets": { "delta": { "listen": 0 } } }' >"$TMP/broken.json"
    check "bash: the file is one" bash -n "$HERE/share/bash-completion/completions/delvegate"
    bash_completions
    local shell
    for shell in zsh fish; do
        if command -v $shell >/dev/null; then
            ${shell}_completions
        else
            skip "completions of $shell" "it is not installed"
        fi
    done
    rm "$TMP/home/own.json"
}
