/* Remedies: the build as Delve does it, to try one out. */
#include <string.h>
#include <unistd.h>

#include "proxy/supervisor/remedy_parts.h"

enum { BUILD_ARGS_MAX = 256 };

/* Whether a flag, with one sign before it or two, is -NAME or -NAME=VALUE. */
static bool is_flag(const char *flag, const char *name)
{
    size_t n = strlen(name);
    flag += *flag == '-';
    flag += *flag == '-';
    return strncmp(flag, name, n) == 0 && (flag[n] == '\0' || flag[n] == '=');
}

size_t remedy_add_flags(const struct remedy *r, const char **argv, size_t n, size_t max)
{
    for (char *const *flag = r->flags; flag && *flag && n + 1 < max; flag++) {
        if (!is_flag(*flag, "mod") && !is_flag(*flag, "modfile"))
            argv[n++] = *flag;
        else if (!strchr(*flag, '=') && flag[1])
            flag++; /* its value */
    }
    return n;
}

int remedy_try_build(const struct remedy *r, const char *flag, char *const *env)
{
    /* Dlv's flags, so that what is compiled here need not be compiled again. Not every go has /dev/null for tests. */
    static const char own[] = "-gcflags=all=-N -l";
    char output[SUPERVISOR_PATH_MAX];
    const char *argv[BUILD_ARGS_MAX] = {"build", own, "-o", "/dev/null"};
    const char *const test[] = {"test", "-c", own, "-o", output};
    size_t n = 4;
    remedy_path(output, "%s/trial", r->dir);
    if (r->is_test) {
        n = sizeof test / sizeof *test;
        memcpy(argv, test, sizeof test);
    }
    for (char *const *word = r->flags; word && *word && n + 4 < BUILD_ARGS_MAX; word++)
        argv[n++] = *word;
    if (flag)
        argv[n++] = flag;
    /* Go test takes what follows for its own otherwise. */
    if (!r->is_test)
        argv[n++] = "--";
    argv[n++] = r->package;
    int status = remedy_go(&(struct remedy_go){.argv = argv, .env = env, .out = STDOUT_FILENO, .err = STDERR_FILENO});
    (void)unlink(output);
    return status;
}

int remedy_try_out(const struct remedy *r, const char *flag, char *const *env, const char *what)
{
    if (remedy_try_build(r, flag, env) == 0)
        return REMEDY_DONE;
    return remedy_unsuited("it does not build with %s either", what);
}
