/* delvegate's command line. */
#include <errno.h>
#include <getopt.h>
#include <libssh2.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "delve/signatures.h"
#include "proxy/daemon.h"
#include "proxy/exec.h"
#include "proxy/log.h"

#ifndef DELVEGATE_VERSION
#define DELVEGATE_VERSION "0.1.0"
#endif

enum {
    EXIT_BAD_CONFIG = 2, /* also a wrong command line */
    CONFIG_FILE_MAX = 4 * 1024 * 1024,
    PATH_LENGTH_MAX = 4096,
    SIGNATURES_TEXT_MAX = 1024 * 1024
};

struct source {
    char path[PATH_LENGTH_MAX];
    bool is_given; /* by --config: then it must exist */
};

static const char usage[] =
    "usage: delvegate [--config FILE]              run until SIGTERM; SIGHUP reads the configuration anew\n"
    "       delvegate exec TARGET -- COMMAND...    run a command in the environment that Delve gets on the Go machine\n"
    "       delvegate --check-config [--config FILE]  print the targets, or what is wrong and exit with 2\n"
    "       delvegate --print-schema               print the JSON Schema of the configuration\n"
    "       delvegate --print-signatures[=markdown]  print what is known of broken module graphs, and what mends them\n"
    "       delvegate --version | --help\n"
    "\n"
    "delvegate lets VS Code debug Go on another machine: it accepts the Debug Adapter Protocol on a loopback port,\n"
    "reaches the Go machine over SSH, and starts Delve there. In launch.json: \"debugServer\": 4711\n"
    "\n"
    "The configuration is $XDG_CONFIG_HOME/delvegate/config.json, or ~/.config/delvegate/config.json;\n"
    "without one there is one target, `local`, on port 4711. See delvegate(1) and delvegate.json(5).\n";

static int find_config(struct source *source, const char *given)
{
    const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int n;
    source->is_given = given != NULL;
    if (given)
        n = snprintf(source->path, sizeof source->path, "%s", given);
    else if (xdg && *xdg == '/')
        n = snprintf(source->path, sizeof source->path, "%s/delvegate/config.json", xdg);
    else if (home && *home)
        n = snprintf(source->path, sizeof source->path, "%s/.config/delvegate/config.json", home);
    else
        n = snprintf(source->path, sizeof source->path, "%s", ""); /* neither: there is no file */
    if (n >= 0 && (size_t)n < sizeof source->path)
        return 0;
    (void)fprintf(stderr, "delvegate: the configuration's path is over %d bytes\n", PATH_LENGTH_MAX);
    return -1;
}

/* Returns the file's text, or NULL: *missing tells that there is none and need not be. */
static char *read_config(const struct source *source, size_t *len, bool *missing)
{
    FILE *f = source->path[0] ? fopen(source->path, "re") : NULL;
    *missing = !f && !source->is_given && (errno == ENOENT || errno == ENOTDIR || !source->path[0]);
    if (!f) {
        if (!*missing)
            (void)fprintf(stderr, "%s: cannot read the configuration: %s\n", source->path, strerror(errno));
        return NULL;
    }
    char *text = malloc(CONFIG_FILE_MAX + 1);
    *len = text ? fread(text, 1, CONFIG_FILE_MAX + 1, f) : 0;
    const char *why = !text                    ? "out of memory"
                      : ferror(f)              ? strerror(errno)
                      : *len > CONFIG_FILE_MAX ? "over 4 MiB"
                                               : NULL;
    (void)fclose(f);
    if (!why)
        return text;
    (void)fprintf(stderr, "%s: cannot read the configuration: %s\n", source->path, why);
    free(text);
    return NULL;
}

static void print_problems(const struct source *source, const struct config_problems *problems, const char *kind)
{
    for (size_t i = 0; i < problems->count; i++)
        (void)fprintf(stderr, "%s:%d:%d: %s%s\n", source->path, problems->list[i].line, problems->list[i].column, kind,
                      problems->list[i].text);
}

/* Reads and checks the configuration; what is wrong goes to stderr, a line each, as FILE:LINE:COLUMN: text. */
static struct config *load_config(void *arg)
{
    const struct source *source = arg;
    struct config_problems problems = {0};
    size_t len = 0;
    bool missing = false;
    char *text = read_config(source, &len, &missing);
    if (!text && !missing)
        return NULL;
    struct config *config = config_parse(text, len, &problems);
    print_problems(source, &problems, "");
    if (config)
        print_problems(source, &config->notes, "note: ");
    if (!config && problems.count == 0)
        (void)fprintf(stderr, "%s: out of memory\n", source->path);
    config_problems_free(&problems);
    free(text);
    return config;
}

static void print_targets(const struct config *config)
{
    for (size_t i = 0; i < config->target_count; i++) {
        const struct config_target *t = &config->targets[i];
        bool v6 = strchr(t->listen_host, ':') != NULL;
        (void)printf("%s: %s%s%s:%d -> %s\n", t->name, v6 ? "[" : "", t->listen_host, v6 ? "]" : "", t->listen_port,
                     t->ssh ? t->ssh : "this machine");
    }
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

/* form: NULL, or "markdown" as README has it. */
static int print_signatures(const char *form)
{
    struct buf text;
    if (form && strcmp(form, "markdown") != 0) {
        (void)fprintf(stderr, "delvegate: --print-signatures=%s is not known: markdown, or nothing\n", form);
        return EXIT_BAD_CONFIG;
    }
    buf_init(&text, SIGNATURES_TEXT_MAX);
    int r = form ? delve_signatures_markdown(&text) : delve_signatures_print(&text);
    if (r == 0 && fputs(text.data, stdout) == EOF)
        r = -1;
    buf_free(&text);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int print_version(void)
{
    (void)printf("delvegate %s\nlibuv %s, jansson %s, libssh2 %s\n", DELVEGATE_VERSION, uv_version_string(),
                 jansson_version_str(), libssh2_version(0));
    return EXIT_SUCCESS;
}

/* What we were given by accident shall not reach programs on a Go machine that is this one. */
static void keep_descriptors_to_ourselves(void)
{
    if (close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC) < 0)
        uv_disable_stdio_inheritance(); /* Linux before 5.11; it finds only the low ones */
}

static int run_exec(const char *config_given, int argc, char **argv)
{
    struct exec_options o = {.config = config_given};
    struct source source;
    if (exec_options_read(&o, argc, argv) < 0)
        return EXIT_BAD_CONFIG;
    if (o.help)
        return fputs(exec_usage, stdout) == EOF ? EXIT_FAILURE : EXIT_SUCCESS;
    struct config *config = find_config(&source, o.config) < 0 ? NULL : load_config(&source);
    if (!config)
        return EXIT_BAD_CONFIG;
    int status = exec_run(config, &o);
    config_unref(config);
    libssh2_exit();
    return status;
}

int main(int argc, char **argv)
{
    enum { CONFIG = 'c', HELP = 'h', VERSION = 'V', CHECK = 256, SCHEMA, MANUAL, SIGNATURES };
    static const struct option options[] = {
        {"config", required_argument, NULL, CONFIG},
        {"check-config", no_argument, NULL, CHECK},
        {"print-schema", no_argument, NULL, SCHEMA},
        {"print-manual", no_argument, NULL, MANUAL},
        {"print-signatures", optional_argument, NULL, SIGNATURES},
        {"help", no_argument, NULL, HELP},
        {"version", no_argument, NULL, VERSION},
        {NULL, 0, NULL, 0},
    };
    keep_descriptors_to_ourselves();
    struct source source;
    const char *given = NULL;
    bool check = false;
    for (int c; (c = getopt_long(argc, argv, "+c:hV", options, NULL)) != -1;) {
        switch (c) {
        case CONFIG:
            given = optarg;
            break;
        case CHECK:
            check = true;
            break;
        case SCHEMA:
            return print_schema();
        case MANUAL:
            return print_manual();
        case SIGNATURES:
            return print_signatures(optarg);
        case VERSION:
            return print_version();
        case HELP:
            return fputs(usage, stdout) == EOF ? EXIT_FAILURE : EXIT_SUCCESS;
        default:
            (void)fputs(usage, stderr);
            return EXIT_BAD_CONFIG;
        }
    }
    if (optind < argc && strcmp(argv[optind], "exec") == 0 && !check)
        return run_exec(given, argc - optind, argv + optind);
    if (optind < argc) {
        (void)fprintf(stderr, "delvegate: unexpected argument '%s'\n%s", argv[optind], usage);
        return EXIT_BAD_CONFIG;
    }
    if (find_config(&source, given) < 0)
        return EXIT_BAD_CONFIG;
    struct config *config = load_config(&source);
    if (!config)
        return EXIT_BAD_CONFIG;
    if (check) {
        print_targets(config);
        config_unref(config);
        return EXIT_SUCCESS;
    }
    if (libssh2_init(0) != 0) {
        (void)fprintf(stderr, "delvegate: libssh2 could not be initialised\n");
        config_unref(config);
        return EXIT_FAILURE;
    }
    int status = daemon_run(config, load_config, &source);
    libssh2_exit();
    return status;
}
