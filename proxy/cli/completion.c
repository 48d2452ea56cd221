#include "proxy/cli/completion.h"

#include <string.h>

#include "proxy/cli/command_line.h"

static bool has_value(const struct command_option *o)
{
    return o->value != COMMAND_NO_VALUE && o->value != COMMAND_OPTIONAL_WORD;
}

static bool takes_target(const struct command *c)
{
    return c->arguments == COMMAND_TARGET || c->arguments == COMMAND_TARGET_AND_COMMAND;
}

/* "--name" or "-n|--name", for a pattern of a shell's case. */
static void option_pattern(struct buf *out, const struct command_option *o, const char *between)
{
    if (command_option_has_letter(o))
        (void)buf_printf(out, "-%c%s", (char)o->code, between);
    (void)buf_printf(out, "--%s", o->name);
}

static bool is_known_before(const struct command *c, const struct command_option *o)
{
    for (const struct command *other = command_line; other != c; other++)
        for (const struct command_option *p = other->options; p->name; p++)
            if (p->code == o->code)
                return true;
    return false;
}

/* Calls print for each option that takes a value behind a blank, once, whichever commands have it. */
static void each_valued(struct buf *out, void (*print)(struct buf *out, const struct command_option *o))
{
    for (const struct command *c = command_line; c->text; c++)
        for (const struct command_option *o = c->options; o->name; o++)
            if (has_value(o) && !is_known_before(c, o))
                print(out, o);
}

static void words(struct buf *out, const char *const *list)
{
    for (const char *const *word = list; *word; word++)
        (void)buf_printf(out, "%s%s", word == list ? "" : " ", *word);
}

static void command_names(struct buf *out)
{
    for (const struct command *c = command_line + 1; c->text; c++)
        (void)buf_printf(out, "%s%s", c == command_line + 1 ? "" : " ", c->name);
}

/* Text between single quotes. */
static void quoted(struct buf *out, const char *text)
{
    for (; *text; text++)
        (void)(*text == '\'' ? buf_puts(out, "'\\''") : buf_append(out, text, 1));
}

/* bash */

static const char bash_head[] =
    "# bash completion for delvegate; made by delvegate --print-completion=bash\n"
    "\n"
    "_delvegate_words() {\n"
    "    mapfile -t COMPREPLY < <(compgen -P \"$before\" -W \"$1\" -- \"$cur\")\n"
    "}\n"
    "\n"
    "_delvegate_files() {\n"
    "    compopt -o filenames\n"
    "    mapfile -t COMPREPLY < <(compgen -P \"$before\" \"$1\" -- \"$cur\")\n"
    "}\n"
    "\n"
    "# The targets of the configuration that the command line names.\n"
    "_delvegate_targets() {\n"
    "    local name rest\n"
    "    while IFS=: read -r name rest; do\n"
    "        [[ $name == \"$cur\"* ]] && COMPREPLY+=(\"$name\")\n"
    "    done < <(\"$program\" ${config:+--config \"$config\"} --check-config 2>/dev/null)\n"
    "}\n"
    "\n"
    "_delvegate() {\n"
    "    local program=${1/#'~/'/$HOME/} cur=${COMP_WORDS[COMP_CWORD]} before='' config='' command='' target=''\n"
    "    local option='' last='' ended='' word i\n"
    "    COMPREPLY=()\n"
    "    for ((i = 1; i <= COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if [[ $word == '=' && $last ]]; then # COMP_WORDBREAKS makes it a word of its own\n"
    "            option=$last\n"
    "            ((i == COMP_CWORD)) && cur=''\n"
    "            continue\n"
    "        fi\n"
    "        ((i == COMP_CWORD)) && break\n"
    "        if [[ $option ]]; then\n"
    "            if [[ $option == --config || $option == -c ]]; then\n"
    "                config=${word/#'~/'/$HOME/} config=${config//[\\\\\\\"\\']/}\n"
    "            fi\n"
    "            option='' last=''\n"
    "            continue\n"
    "        fi\n"
    "        last=''\n"
    "        case $word in\n"
    "        --) ended=yes && break ;;\n"
    "        --config=*) config=${word#*=} ;;\n"
    "        ";

static const char bash_middle[] = ") option=$word last=$word ;;\n"
                                  "        -*) last=$word ;;\n"
                                  "        *) if [[ $command ]]; then target=$word; else command=$word; fi ;;\n"
                                  "        esac\n"
                                  "    done\n"
                                  "    if [[ ! $option && ! $ended && $cur == --*=* ]]; then\n"
                                  "        option=${cur%%=*} before=$option= cur=${cur#*=}\n"
                                  "    fi\n"
                                  "    if [[ $ended ]]; then\n"
                                  "        compopt -o default\n"
                                  "        return\n"
                                  "    fi\n"
                                  "    case $option in\n";

static void bash_valued(struct buf *out, const struct command_option *o)
{
    (void)buf_puts(out, strcmp(o->name, "config") == 0 ? "" : "|");
    option_pattern(out, o, "|");
}

static void bash_value(struct buf *out, const struct command_option *o)
{
    (void)buf_puts(out, "    ");
    option_pattern(out, o, " | ");
    if (o->words) {
        (void)buf_puts(out, ") _delvegate_words '");
        words(out, o->words);
        (void)buf_puts(out, "' ;;\n");
    } else {
        (void)buf_printf(out, ") _delvegate_files %s ;;\n", o->value == COMMAND_DIRECTORY ? "-d" : "-f");
    }
}

static void bash_options(struct buf *out, const struct command *c)
{
    for (const struct command_option *o = c->options; o->name; o++) {
        (void)buf_puts(out, o == c->options ? "" : " ");
        option_pattern(out, o, " ");
    }
}

static void bash(struct buf *out)
{
    (void)buf_puts(out, bash_head);
    each_valued(out, bash_valued);
    (void)buf_puts(out, bash_middle);
    for (const struct command *c = command_line; c->text; c++)
        for (const struct command_option *o = c->options; o->name; o++)
            if (o->value != COMMAND_NO_VALUE && !is_known_before(c, o))
                bash_value(out, o);
    (void)buf_puts(out, "    '')\n        case $command:$cur in\n");
    for (const struct command *c = command_line; c->text; c++) {
        (void)buf_printf(out, "        %s:-*) _delvegate_words '", c->name ? c->name : "");
        bash_options(out, c);
        (void)buf_puts(out, "' ;;\n");
    }
    (void)buf_puts(out, "        :*) _delvegate_words '");
    command_names(out);
    (void)buf_puts(out, "' ;;\n");
    for (const struct command *c = command_line + 1; c->text; c++) {
        if (c->arguments == COMMAND_NAME) {
            (void)buf_printf(out, "        %s:*) [[ $target ]] || _delvegate_words '", c->name);
            command_names(out);
            (void)buf_puts(out, "' ;;\n");
        }
        if (!takes_target(c))
            continue;
        (void)buf_printf(out, "        %s:*) if [[ ! $target ]]; then _delvegate_targets; ", c->name);
        (void)buf_puts(out, c->arguments == COMMAND_TARGET_AND_COMMAND ? "else COMPREPLY=(--); fi ;;\n" : "fi ;;\n");
    }
    (void)buf_puts(out, "        esac\n        ;;\n    esac\n}\n\ncomplete -F _delvegate delvegate\n");
}

/* zsh */

static const char zsh_head[] =
    "#compdef delvegate\n"
    "# made by delvegate --print-completion=zsh\n"
    "\n"
    "# The targets of the configuration that the command line names.\n"
    "_delvegate_targets() {\n"
    "    local -a names\n"
    "    local program=${(Q)${delvegate_program/#\\~\\//$HOME/}}\n"
    "    local config=${opt_args[--config]:-${opt_args[-c]:-$delvegate_config}}\n"
    "    config=${${config//\\\\\\\\/\\\\}//\\\\:/:} # opt_args escapes both\n"
    "    config=${(Q)${config/#\\~\\//$HOME/}}\n"
    "    names=(${${(f)\"$($program ${config:+--config} $config --check-config 2>/dev/null)\"}%%: *})\n"
    "    (( $#names )) && compadd -a names\n"
    "}\n"
    "\n"
    "_delvegate() {\n"
    "    local curcontext=$curcontext state line delvegate_program=$words[1] delvegate_config=''\n"
    "    typeset -A opt_args\n"
    "    _arguments -C";

/* What _arguments would take for its own is escaped. */
static void zsh_text(struct buf *out, const char *text)
{
    struct buf escaped;
    buf_init(&escaped, out->max);
    for (; *text; text++) {
        if (strchr("[]:\\", *text))
            (void)buf_puts(&escaped, "\\");
        (void)buf_append(&escaped, text, 1);
    }
    if (escaped.failed)
        out->failed = true;
    else if (escaped.data)
        quoted(out, escaped.data);
    buf_free(&escaped);
}

static void zsh_option(struct buf *out, const struct command_option *o)
{
    static const char *const behind[] = {"", "=", "=", "=", "=-"};
    (void)buf_puts(out, " \\\n        ");
    if (command_option_has_letter(o))
        (void)buf_printf(out, "'(-%c --%s)'{-%c,--%s%s}'[", (char)o->code, o->name, (char)o->code, o->name,
                         behind[o->value]);
    else
        (void)buf_printf(out, "'--%s%s[", o->name, behind[o->value]);
    zsh_text(out, o->text);
    (void)buf_puts(out, "]");
    if (o->value == COMMAND_FILE || o->value == COMMAND_DIRECTORY)
        (void)buf_printf(out, ":%s:_files%s", o->value_name, o->value == COMMAND_DIRECTORY ? " -/" : "");
    if (o->words) {
        (void)buf_puts(out, o->value == COMMAND_OPTIONAL_WORD ? "::word:(" : ":word:(");
        words(out, o->words);
        (void)buf_puts(out, ")");
    }
    (void)buf_puts(out, "'");
}

static void zsh(struct buf *out)
{
    (void)buf_puts(out, zsh_head);
    for (const struct command_option *o = command_line->options; o->name; o++)
        zsh_option(out, o);
    (void)buf_puts(out, " \\\n        '(-)1:command:((");
    for (const struct command *c = command_line + 1; c->text; c++) {
        (void)buf_printf(out, "%s%s\\:\"", c == command_line + 1 ? "" : " ", c->name);
        zsh_text(out, c->text);
        (void)buf_puts(out, "\"");
    }
    (void)buf_puts(out, "))' \\\n        '(-)*::argument:->argument' && return\n"
                        "    delvegate_config=${opt_args[--config]:-$opt_args[-c]}\n"
                        "    case $line[1] in\n");
    for (const struct command *c = command_line + 1; c->text; c++) {
        (void)buf_printf(out, "    %s)\n        _arguments", c->name);
        for (const struct command_option *o = c->options; o->name; o++)
            zsh_option(out, o);
        if (takes_target(c))
            (void)buf_puts(out, " \\\n        '1:target:_delvegate_targets'");
        if (c->arguments == COMMAND_NAME) {
            (void)buf_puts(out, " \\\n        '1:command:(");
            command_names(out);
            (void)buf_puts(out, ")'");
        }
        if (c->arguments == COMMAND_TARGET_AND_COMMAND)
            (void)buf_puts(out, " \\\n        '2: :(--)' '*: :_files'");
        (void)buf_puts(out, "\n        ;;\n");
    }
    (void)buf_puts(out, "    esac\n}\n\n_delvegate \"$@\"\n");
}

/* fish */

static const char fish_head[] =
    "# fish completion for delvegate; made by delvegate --print-completion=fish\n"
    "\n"
    "# What the line holds already: `none`, a command, `COMMAND target`, or `end` behind `--`.\n"
    "function __delvegate_state\n"
    "    set -l words (commandline -opc)\n"
    "    set -l state none\n"
    "    set -l skip no\n"
    "    for word in $words[2..]\n"
    "        if test $skip = yes\n"
    "            set skip no\n"
    "            continue\n"
    "        end\n"
    "        switch $word\n"
    "            case --\n"
    "                echo end\n"
    "                return\n"
    "            case";

static const char fish_middle[] =
    "\n"
    "                set skip yes\n"
    "            case '-*'\n"
    "            case '*'\n"
    "                test $state = none; and set state $word; or set state \"$state target\"\n"
    "        end\n"
    "    end\n"
    "    echo $state\n"
    "end\n"
    "\n"
    "function __delvegate_in\n"
    "    string match -q -- \"$argv*\" (__delvegate_state)\n"
    "end\n"
    "\n"
    "function __delvegate_is\n"
    "    test (__delvegate_state) = \"$argv\"\n"
    "end\n"
    "\n"
    "# The targets of the configuration that the command line names.\n"
    "function __delvegate_targets\n"
    "    set -l words (commandline -opc)\n"
    "    set -l config\n"
    "    for i in (seq 2 (count $words))\n"
    "        switch $words[$i]\n"
    "            case --config -c\n"
    "                set config --config $words[(math $i + 1)]\n"
    "            case '--config=*'\n"
    "                set config $words[$i]\n"
    "        end\n"
    "    end\n"
    "    set config (string replace -r '^(--config=)?~/' '$1'$HOME/ -- $config)\n"
    "    set -l program (string replace -r '^~/' $HOME/ -- $words[1])\n"
    "    $program $config --check-config 2>/dev/null | string replace -r ': .*' ''\n"
    "end\n"
    "\n"
    "complete -c delvegate -f\n"
    "complete -c delvegate -n '__delvegate_is end' -F\n";

static void fish_valued(struct buf *out, const struct command_option *o)
{
    (void)buf_puts(out, " ");
    option_pattern(out, o, " ");
}

static void fish_option(struct buf *out, const struct command *c, const struct command_option *o)
{
    const char *state = c->name ? c->name : "none";
    (void)buf_printf(out, "complete -c delvegate -n '__delvegate_in %s' -l %s", state, o->name);
    if (command_option_has_letter(o))
        (void)buf_printf(out, " -s %c", (char)o->code);
    if (has_value(o))
        (void)buf_puts(out, o->value == COMMAND_FILE ? " -r -F" : " -x");
    if (o->value == COMMAND_DIRECTORY)
        (void)buf_puts(out, " -a '(__fish_complete_directories)'");
    if (o->words) {
        (void)buf_puts(out, " -a '");
        words(out, o->words);
        (void)buf_puts(out, "'");
    }
    (void)buf_puts(out, " -d '");
    quoted(out, o->text);
    (void)buf_puts(out, "'\n");
}

static void fish(struct buf *out)
{
    (void)buf_puts(out, fish_head);
    each_valued(out, fish_valued);
    (void)buf_puts(out, fish_middle);
    for (const struct command *c = command_line + 1; c->text; c++) {
        (void)buf_printf(out, "complete -c delvegate -n '__delvegate_is none' -a %s -d '", c->name);
        quoted(out, c->text);
        (void)buf_puts(out, "'\n");
        if (takes_target(c))
            (void)buf_printf(out, "complete -c delvegate -n '__delvegate_is %s' -a '(__delvegate_targets)' -d target\n",
                             c->name);
        if (c->arguments == COMMAND_NAME) {
            (void)buf_printf(out, "complete -c delvegate -n '__delvegate_is %s' -a '", c->name);
            command_names(out);
            (void)buf_puts(out, "'\n");
        }
        if (c->arguments == COMMAND_TARGET_AND_COMMAND)
            (void)buf_printf(out, "complete -c delvegate -n '__delvegate_is %s target' -a --\n", c->name);
    }
    for (const struct command *c = command_line; c->text; c++)
        for (const struct command_option *o = c->options; o->name; o++)
            fish_option(out, c, o);
}

int completion_script(struct buf *out, const char *shell)
{
    static const struct {
        const char *name;
        void (*write)(struct buf *out);
    } scripts[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        if (strcmp(shell, scripts[i].name) != 0)
            continue;
        scripts[i].write(out);
        return out->failed ? -1 : 0;
    }
    return 1;
}
