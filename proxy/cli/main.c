/* delvegate's command line. */
#include <errno.h>
#include <getopt.h>
#include <libssh2.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "delve/signatures.h"
#include "proxy/base/log.h"
#include "proxy/cli/check_config.h"
#include "proxy/cli/check_env.h"
#include "proxy/cli/command_line.h"
#include "proxy/cli/completion.h"
#include "proxy/cli/config_file.h"
#include "proxy/cli/exec.h"
#include "proxy/cli/one_shot.h"
#include "proxy/machine/programs.h"
#include "proxy/service/daemon.h"
#include "proxy/service/unconfigured.h"

#include "commit.h"

#ifndef DELVEGATE_VERSION
#define DELVEGATE_VERSION "0.1.0"
#endif

enum {
    EXIT_BAD_CONFIG = 2, /* also a wrong command line */
    SIGNATURES_TEXT_MAX = 1024 * 1024,
    VERSION_TEXT_MAX = 16 * 1024,
    COMPLETION_MAX = 1024 * 1024
};

/* What could not be written must not end as a success: a file made of it would be cut short. */
static int finish_output(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    (void)fprintf(stderr, "delvegate: cannot write to standard output: %s\n", strerror(errno));
    return status == EXIT_SUCCESS ? EXIT_FAILURE : status;
}

static int print_schema(void)
{
    json_t *schema = config_schema();
    int r = schema ? json_dumpf(schema, stdout, JSON_INDENT(2)) : -1;
    (void)putchar('\n');
    json_decref(schema);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int print_manual(void)
{
    char *text = config_manual();
    int r = text ? fputs(text, stdout) : EOF;
    free(text);
    return r == EOF ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* form: NULL for a terminal's. */
static int print_signatures(const char *form)
{
    static const struct {
        const char *name;
        void (*print)(struct buf *out);
    } forms[] = {{"markdown", delve_signatures_markdown}, {"man", delve_signatures_man}};
    void (*print)(struct buf *) = form ? NULL : delve_signatures_print;
    struct buf text;
    for (size_t i = 0; form && i < sizeof forms / sizeof *forms; i++)
        if (strcmp(form, forms[i].name) == 0)
            print = forms[i].print;
    if (!print) {
        (void)fprintf(stderr, "delvegate: unknown format --print-signatures=%s: use markdown or man, or leave it out\n",
                      form);
        return EXIT_BAD_CONFIG;
    }
    buf_init(&text, SIGNATURES_TEXT_MAX);
    print(&text);
    bool is_printed = !text.failed && fputs(text.data, stdout) != EOF;
    buf_free(&text);
    return is_printed ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* What stands behind the library's name: "3.0.17" of "OpenSSL 3.0.17 1 Jul 2025". */
static const char *libcrypto_version(int *len)
{
    const char *text = OpenSSL_version(OPENSSL_VERSION);
    const char *blank = strchr(text, ' ');
    text = blank ? blank + 1 : text;
    *len = (int)strcspn(text, " ");
    return text;
}

static int print_version(void)
{
    static const char commit[] = DELVEGATE_COMMIT; /* "" when it was not built in a git tree */
    int len;
    const char *libcrypto = libcrypto_version(&len);
    struct buf supervisors;
    buf_init(&supervisors, VERSION_TEXT_MAX);
    programs_print(&supervisors);
    int r = printf("delvegate %s%s%s%s\nlibuv %s, jansson %s, libssh2 %s, libcrypto %.*s\n%s", DELVEGATE_VERSION,
                   *commit ? " (commit " : "", commit, *commit ? ")" : "", uv_version_string(), jansson_version_str(),
                   libssh2_version(0), len, libcrypto, supervisors.failed ? "" : supervisors.data);
    r = supervisors.failed ? -1 : r;
    buf_free(&supervisors);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static const char candidates_head[] =
    "\nThe configuration is the file that --config names, or else the first of these that exists:\n"
    "  $XDG_CONFIG_HOME/delvegate/config.json (~/.config/delvegate/config.json if that is not set)\n"
    "  DIR/delvegate/config.json for each DIR in $XDG_CONFIG_DIRS (/etc/xdg if that is not set)\n"
    "On this machine, for you:\n";
static const char candidates_tail[] =
    "If there is no file, there is one target, `local`: this machine, on port 4711; see delvegate.json(5).\n"
    "The settings for SSH are those that `ssh -G` prints, from ~/.ssh/config and /etc/ssh/ssh_config; see "
    "delvegate(1).\n";

/* Where the configuration is looked for, with the paths that this makes for the user who asks. */
static int print_candidates(void)
{
    char path[CONFIG_FILE_PATH_MAX];
    int r;
    if (fputs(candidates_head, stdout) == EOF)
        return -1;
    for (size_t n = 0; (r = config_file_candidate(n, path)) > 0; n++)
        if (printf("  %s%s\n", path, access(path, F_OK) == 0 ? "" : " (does not exist)") < 0)
            return -1;
    return r < 0 || fputs(candidates_tail, stdout) == EOF ? -1 : 0;
}

static int print_help(const struct command *c)
{
    bool failed = command_print_help(c) < 0 || (c == command_line && print_candidates() < 0);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int print_completion(const char *shell)
{
    struct buf text;
    buf_init(&text, COMPLETION_MAX);
    int r = completion_script(&text, shell);
    if (r == 0 && fputs(text.data, stdout) == EOF)
        r = -1;
    if (r > 0)
        (void)fprintf(stderr, "delvegate: unknown shell --print-completion=%s: use bash, zsh or fish\n", shell);
    buf_free(&text);
    return r > 0 ? EXIT_BAD_CONFIG : r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* What we were given by accident shall not reach programs on a Go machine that is this one. */
static void keep_descriptors_to_ourselves(void)
{
    if (close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC) < 0)
        uv_disable_stdio_inheritance(); /* Linux before 5.11; it finds only the low ones */
}

static int run_exec(const char *config_given, int argc, char **argv)
{
    return finish_output(one_shot_main(&exec_command, config_given, argc, argv));
}

static int run_check_env(const char *config_given, int argc, char **argv)
{
    return finish_output(one_shot_main(&check_env_command, config_given, argc, argv));
}

static int run_daemon(struct config_file *file)
{
    struct config *config = config_file_load(file);
    if (!config)
        config = unconfigured_serve(config_file_load, file, &file->why);
    if (!config)
        return EXIT_BAD_CONFIG;
    if (libssh2_init(0) != 0) {
        (void)fprintf(stderr, "delvegate: libssh2 could not be initialised\n");
        config_unref(config);
        return EXIT_FAILURE;
    }
    int status = daemon_run(config, file->path, config_file_load, file);
    libssh2_exit();
    return status;
}

static int refuse_word(const char *word, const char *why)
{
    (void)fprintf(stderr, "delvegate: unexpected argument '%s': %s\n", word, why);
    command_print_usage(command_line);
    return EXIT_BAD_CONFIG;
}

/* The commands that print something: their options and, of help, the command that it is about. */
static int run_help(const char *config_given, int argc, char **argv)
{
    const struct command *command = command_find(argv[0]), *about = command_line;
    (void)config_given;
    optind = 0; /* glibc: begin again */
    for (int code; (code = command_next(command, argc, argv)) != COMMAND_END;)
        return code == COMMAND_HELP ? finish_output(print_help(command)) : EXIT_BAD_CONFIG;
    if (optind < argc && command->arguments == COMMAND_NAME)
        about = command_find(argv[optind++]);
    if (!about) {
        command_print_unknown(argv[optind - 1]);
        return EXIT_BAD_CONFIG;
    }
    if (optind < argc)
        return refuse_word(argv[optind], "help and version take no further arguments");
    return finish_output(command->arguments == COMMAND_NAME ? print_help(about) : print_version());
}

static int run_command(const char *config_given, int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const char *config_given, int argc, char **argv);
    } commands[] = {{"exec", run_exec}, {"check-env", run_check_env}, {"help", run_help}, {"version", run_help}};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[0], commands[i].name) == 0)
            return commands[i].run(config_given, argc, argv);
    command_print_unknown(argv[0]);
    return EXIT_BAD_CONFIG;
}

/* The options that print something and end. */
static int print_what(int code)
{
    switch (code) {
    case COMMAND_PRINT_SCHEMA:
        return print_schema();
    case COMMAND_PRINT_MANUAL:
        return print_manual();
    case COMMAND_PRINT_SIGNATURES:
        return print_signatures(optarg);
    case COMMAND_PRINT_COMPLETION:
        return print_completion(optarg);
    case COMMAND_VERSION:
        return print_version();
    case COMMAND_HELP:
        return print_help(command_line);
    default:
        return EXIT_BAD_CONFIG;
    }
}

int main(int argc, char **argv)
{
    struct config_file file = {0};
    bool check = false;
    keep_descriptors_to_ourselves();
    for (int code; (code = command_next(command_line, argc, argv)) != COMMAND_END;) {
        if (code == COMMAND_CONFIG)
            file.given = optarg;
        else if (code == COMMAND_CHECK_CONFIG)
            check = true;
        else
            return finish_output(print_what(code));
    }
    if (optind < argc)
        return check ? refuse_word(argv[optind], "--check-config takes no argument")
                     : run_command(file.given, argc - optind, argv + optind);
    return check ? finish_output(check_config_run(&file)) : run_daemon(&file);
}
