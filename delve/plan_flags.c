#include <stdlib.h>
#include <string.h>

#include "delve/flags.h"
#include "delve/plan_parts.h"
#include "delve/strings.h"

enum { LAYERS_MAX = 1024 }; /* bytes of a list of log layers */

static bool begins(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

/* Takes every `--name=value` out of the flags read so far and gives each value to take(). */
static int extract(struct plan_reader *r, const char *name,
                   int (*take)(struct plan_reader *r, void *arg, const char *value), void *arg)
{
    struct delve_strings *flags = &r->plan->flags;
    for (size_t i = 0; i < flags->count;) {
        if (!begins(flags->list[i], name)) {
            i++;
            continue;
        }
        if (take(r, arg, flags->list[i] + strlen(name)) < 0)
            return -1;
        delve_strings_remove(flags, i);
    }
    return 0;
}

static int take_args(struct plan_reader *r, void *args, const char *value)
{
    return plan_split(r, "--build-flags in Delve's flags", value, args);
}

/* The last one wins, as on a command line. cwd of launch.json wins over both: plan_paths. */
static int take_wd(struct plan_reader *r, void *arg, const char *value)
{
    char **wd = arg;
    free(*wd);
    *wd = *value ? strdup(value) : NULL;
    return *value && !*wd ? plan_no_memory(r) : 0;
}

/* Whether a word of the build flags is this flag of go: `-o`, `--o`, `-o=x`. */
static bool is_build_flag(const char *arg, const char *name, bool *has_value)
{
    if (*arg++ != '-')
        return false;
    if (*arg == '-')
        arg++;
    if (!begins(arg, name))
        return false;
    arg += strlen(name);
    *has_value = *arg == '=';
    return *arg == '\0' || *arg == '=';
}

static int check_build_flags(struct plan_reader *r, struct delve_strings *args)
{
    bool has_value = false;
    for (size_t i = 0; i < args->count;) {
        if (is_build_flag(args->list[i], "gcflags", &has_value)) {
            const char *value = has_value ? args->list[i] : i + 1 < args->count ? args->list[i + 1] : "";
            if (!strstr(value, "-N") &&
                plan_note(r, "buildFlags: -gcflags replaces Delve's own \"all=-N -l\": the program is built with "
                             "optimizations, and lines and variables may be missing.") < 0)
                return -1;
        } else if (is_build_flag(args->list[i], "o", &has_value)) {
            if (plan_note(r, "buildFlags: -o is dropped: the binary goes into the session's run directory.") < 0)
                return -1;
            delve_strings_remove(args, i);
            if (!has_value && i < args->count)
                delve_strings_remove(args, i);
            continue;
        }
        i++;
    }
    return 0;
}

/* Whether a word is a flag of `go build` or `go test -c` whose value is the next word. */
static bool takes_next(const char *arg)
{
    static const char *const names[] = {
        "C",          "asmflags",      "buildmode", "compiler", "coverpkg", "covermode", "gcflags",
        "gccgoflags", "installsuffix", "ldflags",   "mod",      "modfile",  "o",         "overlay",
        "p",          "pgo",           "pkgdir",    "tags",     "toolexec", "vet",       "exec"};
    bool has_value = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (is_build_flag(arg, names[i], &has_value))
            return !has_value;
    return false;
}

/* Notes the arguments from this one on that go will take for packages. */
static int note_strays(struct plan_reader *r, const struct delve_strings *args, size_t from)
{
    for (size_t i = from; i < args->count; i++) {
        bool is_value = i > from && takes_next(args->list[i - 1]);
        if (!is_value && args->list[i][0] != '-' && delve_strings_add(&r->plan->strays, args->list[i]) < 0)
            return plan_no_memory(r);
    }
    return 0;
}

/* Build flags of the target, of dlvFlags and of launch.json add up: go itself lets the last of equals win. */
static int build_flags(struct plan_reader *r, struct delve_strings *args)
{
    if (extract(r, "--build-flags=", take_args, args) < 0 || note_strays(r, args, 0) < 0)
        return -1;
    size_t count = args->count;
    r->plan->strays_of_flags = r->plan->strays.count;
    if (plan_args(r, "buildFlags", args) < 0 || note_strays(r, args, count) < 0 || check_build_flags(r, args) < 0)
        return -1;
    if (args->count == 0)
        return 0;
    char *joined = delve_args_join(args);
    int added = joined ? delve_strings_printf(&r->plan->flags, "--build-flags=%s", joined) : -1;
    free(joined);
    return added < 0 ? plan_no_memory(r) : 0;
}

static int user_flags(struct plan_reader *r)
{
    struct delve_plan *plan = r->plan;
    const char *const *flags = r->target->flags;
    size_t count = 0;
    while (flags && flags[count])
        count++;
    if (delve_flags_read(flags, count, "delve.flags", &plan->flags, &plan->notes, r->e) < 0)
        return -1;
    struct delve_strings args = {0};
    int done = plan_args(r, "dlvFlags", &args);
    if (done == 0)
        done =
            delve_flags_read((const char *const *)args.list, args.count, "dlvFlags", &plan->flags, &plan->notes, r->e);
    delve_strings_free(&args);
    return done;
}

int plan_flags(struct plan_reader *r)
{
    struct delve_plan *plan = r->plan;
    if (user_flags(r) < 0)
        return -1;
    const char *backend = plan_string(r, "backend");
    if (backend && delve_strings_printf(&plan->flags, "--backend=%s", backend) < 0)
        return plan_no_memory(r);
    if (!r->is_attach && extract(r, "--wd=", take_wd, &plan->cwd) < 0)
        return -1;
    if (plan->mode != DELVE_DEBUG && plan->mode != DELVE_TEST)
        return 0;
    struct delve_strings args = {0};
    int done = build_flags(r, &args);
    delve_strings_free(&args);
    return done;
}

/* A layer that comes of itself, or that articles name and no Delve has (Delve would log nothing for it).
 */
static bool is_debugger(const char *layer, size_t len, bool *invented)
{
    static const char *const names[] = {"debugger", "modules", "gc"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i]) != len || memcmp(names[i], layer, len) != 0)
            continue;
        *invented = i > 0;
        return true;
    }
    return false;
}

int plan_log_layers(struct plan_reader *r, const char *origin, const char *layers)
{
    struct buf out;
    buf_init(&out, LAYERS_MAX);
    buf_puts(&out, "debugger"); /* delvegate reads it, so it is always on */
    size_t len;
    for (const char *p = layers; *p; p += len + (p[len] == ',')) {
        bool invented = false;
        len = strcspn(p, ",");
        if (len == 0)
            continue;
        if (!is_debugger(p, len, &invented)) {
            buf_puts(&out, ",");
            buf_append(&out, p, len);
        } else if (invented && plan_note(r, "%s: Delve has no log layer \"%.*s\"; debugger is used instead.", origin,
                                         (int)len, p) < 0) {
            buf_free(&out);
            return -1;
        }
    }
    bool too_long = out.failed;
    r->plan->log_output = too_long ? NULL : buf_take(&out);
    buf_free(&out);
    if (too_long)
        return err_set(r->e, "%s is longer than the limit for a list of log layers (%d bytes).", origin, LAYERS_MAX);
    return 0;
}
