#include "proxy/cli/command_line.h"

#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "config/suggest.h"

enum {
    OPTIONS_MAX = 16,
    LETTERS_MAX = 2 + 2 * OPTIONS_MAX, /* "+", then a letter and perhaps a colon each, and the NUL */
    LETTER_MAX = 127,
    HELP_MAX = 65536,
    NAME_MAX_BYTES = 128,
    COMMANDS_MAX = 16,
    NAME_WIDTH = 10,
    COMMAND_WIDTH = 38, /* of the columns in front of what each does */
    OPTION_WIDTH = 34
};

static const char *const signature_forms[] = {"markdown", "man", NULL};
static const char *const shells[] = {"bash", "zsh", "fish", NULL};

#define CONFIG_OPTION                                                                                                  \
    {                                                                                                                  \
        "config", COMMAND_CONFIG, COMMAND_FILE, "FILE", NULL, "read this configuration file and no other"              \
    }
#define HELP_OPTION                                                                                                    \
    {                                                                                                                  \
        "help", COMMAND_HELP, COMMAND_NO_VALUE, NULL, NULL, "print this help and exit"                                 \
    }

static const struct command_option main_options[] = {
    CONFIG_OPTION,
    {"check-config", COMMAND_CHECK_CONFIG, COMMAND_NO_VALUE, NULL, NULL,
     "check the configuration; exit with 2 if it is invalid"},
    {"print-schema", COMMAND_PRINT_SCHEMA, COMMAND_NO_VALUE, NULL, NULL, "print the JSON Schema of the configuration"},
    {"print-manual", COMMAND_PRINT_MANUAL, COMMAND_NO_VALUE, NULL, NULL, "print the manual page delvegate.json(5)"},
    {"print-signatures", COMMAND_PRINT_SIGNATURES, COMMAND_OPTIONAL_WORD, NULL, signature_forms,
     "print the causes of broken module graphs, and remedies"},
    {"print-completion", COMMAND_PRINT_COMPLETION, COMMAND_CHOICE, NULL, shells,
     "print the completion script for a shell"},
    HELP_OPTION,
    {"version", COMMAND_VERSION, COMMAND_NO_VALUE, NULL, NULL, "print the versions of delvegate and its libraries"},
    {0},
};

static const struct command_option exec_command_options[] = {
    {"cwd", COMMAND_CWD, COMMAND_DIRECTORY, "DIR", NULL, "run the command in DIR (default: the home directory)"},
    CONFIG_OPTION,
    HELP_OPTION,
    {0},
};

static const struct command_option check_env_command_options[] = {
    {"cwd", COMMAND_CWD, COMMAND_DIRECTORY, "DIR", NULL, "check for a session in DIR (default: the current one)"},
    CONFIG_OPTION,
    HELP_OPTION,
    {0},
};

static const struct command_option help_options[] = {
    HELP_OPTION,
    {0},
};

const struct command command_line[] = {
    {
        .text = "debug Go programs on other machines",
        .more =
            "delvegate lets VS Code debug Go on another machine: it accepts the Debug Adapter Protocol on a loopback\n"
            "port, reaches the Go machine over SSH or by a command such as podman exec, and starts Delve on it.\n"
            "In launch.json: \"debugServer\": 4711\n"
            "Without a command it runs until SIGTERM; SIGHUP reloads the configuration.\n",
        .options = main_options,
    },
    {
        .name = "exec",
        .arguments = COMMAND_TARGET_AND_COMMAND,
        .text = "run a command in the environment of Delve",
        .more = "Runs a command on the target's Go machine in the environment that Delve gets, with the same standard\n"
                "input and output, and exits with its status.\n"
                "DIR is an absolute path on the Go machine, or a path on this machine that the target's paths map.\n",
        .options = exec_command_options,
    },
    {
        .name = "check-env",
        .arguments = COMMAND_TARGET,
        .text = "check the Go environment of a target",
        .more = "Checks the Go environment that a debug session of the target would have, and prints a line for each "
                "problem.\n"
                "The default TARGET is the only one in the configuration, or the one named local.\n"
                "DIR is an absolute path on the Go machine, or a path on this machine that the target's paths map.\n"
                "Exits with 1 if a session would not work or DIR does not exist on the Go machine, 2 if the command "
                "line or\nthe configuration is invalid, 0 otherwise.\n",
        .options = check_env_command_options,
    },
    {
        .name = "help",
        .arguments = COMMAND_NAME,
        .text = "print the help of delvegate, or of a command",
        .more = "Prints the same as --help, for a command or for delvegate itself.\n",
        .options = help_options,
    },
    {
        .name = "version",
        .arguments = COMMAND_NO_ARGUMENTS,
        .text = "print the versions of delvegate and its libraries",
        .more = "Prints the same as --version.\n",
        .options = help_options,
    },
    {0},
};

static const char *const argument_names[] = {"", " [COMMAND]", " [TARGET]", " TARGET -- COMMAND [ARGUMENT...]"};

const struct command *command_find(const char *name)
{
    for (const struct command *c = command_line + 1; c->text; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

bool command_option_has_letter(const struct command_option *o)
{
    return (int)o->code <= LETTER_MAX;
}

static int getopt_kind(const struct command_option *o)
{
    return o->value == COMMAND_NO_VALUE        ? no_argument
           : o->value == COMMAND_OPTIONAL_WORD ? optional_argument
                                               : required_argument;
}

int command_next(const struct command *c, int argc, char **argv)
{
    struct option longs[OPTIONS_MAX + 1] = {0};
    char letters[LETTERS_MAX] = "";
    size_t n = 0, length = 0;
    if (c->arguments != COMMAND_TARGET)
        letters[length++] = '+'; /* what follows the first word may be another command's */
    for (const struct command_option *o = c->options; o->name; o++) {
        assert(n < OPTIONS_MAX);
        longs[n++] = (struct option){o->name, getopt_kind(o), NULL, (int)o->code};
        if (!command_option_has_letter(o))
            continue;
        letters[length++] = (char)o->code;
        if (o->value != COMMAND_NO_VALUE)
            letters[length++] = ':';
    }
    /* getopt begins its messages with argv[0], which may be a path, or the name of a command. */
    static char program[] = "delvegate";
    char *given = argv[0];
    argv[0] = program;
    int code = getopt_long(argc, argv, letters, longs, NULL);
    argv[0] = given;
    if (code == COMMAND_WRONG)
        command_print_usage(c);
    return code;
}

void command_print_unknown(const char *word)
{
    const char *names[COMMANDS_MAX + 1] = {0};
    size_t count = 0;
    for (const struct command *c = command_line + 1; c->text; c++) {
        assert(count < COMMANDS_MAX);
        names[count++] = c->name;
    }
    const char *meant = config_suggest(word, names);
    (void)fprintf(stderr, "delvegate: there is no command '%s'", word);
    if (meant)
        (void)fprintf(stderr, "; did you mean %s?", meant);
    (void)fprintf(stderr, "\nCommands:\n");
    for (const struct command *c = command_line + 1; c->text; c++)
        (void)fprintf(stderr, "  %-*s %s\n", NAME_WIDTH, c->name, c->text);
    (void)fprintf(stderr, "Without a command delvegate runs until SIGTERM; see `delvegate help`.\n");
}

static void usage_text(char *out, size_t size, const struct command *c)
{
    (void)snprintf(out, size, "delvegate%s%s [OPTION...]%s", c->name ? " " : "", c->name ? c->name : "",
                   argument_names[c->arguments]);
}

void command_usage(struct buf *out, const struct command *c)
{
    char text[NAME_MAX_BYTES];
    usage_text(text, sizeof text, c);
    buf_printf(out, "usage: %s\n", text);
    for (c = c->name ? NULL : c + 1; c && c->text; c++) {
        usage_text(text, sizeof text, c);
        buf_printf(out, "       %s\n", text);
    }
}

/* "--name", with the value that it takes. */
static void option_text(struct buf *out, const struct command_option *o)
{
    static const char *const before[] = {"", " ", " ", "=", "[="};
    buf_printf(out, "--%s%s%s", o->name, before[o->value], o->value_name ? o->value_name : "");
    for (const char *const *word = o->choices; word && *word; word++)
        buf_printf(out, "%s%s", word == o->choices ? "" : "|", *word);
    buf_puts(out, o->value == COMMAND_OPTIONAL_WORD ? "]" : "");
}

static void option_help(struct buf *out, const struct command_option *o)
{
    struct buf text;
    buf_init(&text, NAME_MAX_BYTES);
    option_text(&text, o);
    char letter[] = {'-', (char)o->code, ',', '\0'};
    if (text.failed)
        out->failed = true;
    else
        buf_printf(out, "  %3s %-*s %s\n", command_option_has_letter(o) ? letter : "", OPTION_WIDTH, text.data,
                   o->text);
    buf_free(&text);
}

void command_help(struct buf *out, const struct command *c)
{
    command_usage(out, c);
    buf_printf(out, "\n%s\n", c->more);
    if (!c->name) {
        for (const struct command *other = c + 1; other->text; other++)
            buf_printf(out, "  %-*s %s\n", COMMAND_WIDTH, other->name, other->text);
        buf_puts(out, "\n");
    }
    for (const struct command_option *o = c->options; o->name; o++)
        option_help(out, o);
}

int command_print_help(const struct command *c)
{
    struct buf out;
    buf_init(&out, HELP_MAX);
    command_help(&out, c);
    int r = out.failed || fputs(out.data, stdout) == EOF ? -1 : 0;
    buf_free(&out);
    return r;
}

void command_print_usage(const struct command *c)
{
    char text[NAME_MAX_BYTES];
    usage_text(text, sizeof text, c);
    (void)fprintf(stderr, "usage: %s   (see `delvegate %s%s--help`)\n", text, c->name ? c->name : "",
                  c->name ? " " : "");
}
