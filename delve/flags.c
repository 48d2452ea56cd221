#include "delve/flags.h"

#include <string.h>

#include "delve/strings.h"

struct flag {
    const char *name;
    char shorthand; /* 0: none */
    bool takes_value;
    enum delve_flag_kind kind;
    const char *pin; /* the value that delvegate gives it anyway: asking for this one needs no note; NULL: any other */
    const char *why; /* of what is dropped */
};

/* Every flag of every command of Delve 1.7.3 to 1.27 (cmd/dlv/cmds/commands.go). */
static const struct flag flags[] = {
    {"accept-multiclient", 0, false, DELVE_FLAG_PINNED, "true",
     "delvegate always starts Delve with --accept-multiclient=true"},
    {"allow-non-terminal-interactive", 0, false, DELVE_FLAG_USER, NULL, NULL},
    {"api-version", 0, true, DELVE_FLAG_PINNED, "2", "delvegate always starts Delve with --api-version=2"},
    {"backend", 0, true, DELVE_FLAG_USER, NULL, NULL},
    {"build-flags", 0, true, DELVE_FLAG_USER, NULL, NULL},
    {"check-go-version", 0, false, DELVE_FLAG_USER, NULL, NULL},
    {"client-addr", 0, true, DELVE_FLAG_SUPERVISOR, NULL,
     "it belongs to `dlv dap`; delvegate connects to Delve itself"},
    {"continue", 0, false, DELVE_FLAG_SUPERVISOR, "false",
     "the program starts when the editor has set its breakpoints; stopOnEntry decides whether it then runs"},
    {"disable-aslr", 0, false, DELVE_FLAG_USER, NULL, NULL},
    {"ebpf", 0, false, DELVE_FLAG_SUPERVISOR, "false", "it belongs to `dlv trace`"},
    {"exec", 'e', true, DELVE_FLAG_SUPERVISOR, NULL, "it belongs to `dlv trace`; use \"mode\": \"exec\""},
    {"follow-calls", 0, true, DELVE_FLAG_SUPERVISOR, NULL, "it belongs to `dlv trace`"},
    {"headless", 0, false, DELVE_FLAG_PINNED, "true", "delvegate always starts Delve with --headless=true"},
    {"help", 'h', false, DELVE_FLAG_SUPERVISOR, "false", "with it Delve would only print its help"},
    {"init", 0, true, DELVE_FLAG_SUPERVISOR, NULL,
     "it belongs to Delve's terminal client, which delvegate does not use"},
    {"listen", 'l', true, DELVE_FLAG_PINNED, "127.0.0.1:0",
     "delvegate always starts Delve with --listen=127.0.0.1:0 and finds the port itself"},
    {"log", 0, false, DELVE_FLAG_SUPERVISOR, "true", "delvegate reads Delve's log, so it is always on"},
    {"log-dest", 0, true, DELVE_FLAG_SUPERVISOR, NULL,
     "delvegate reads Delve's log itself; \"showLog\": true shows it"},
    {"log-output", 0, true, DELVE_FLAG_SUPERVISOR, NULL,
     "use \"logOutput\" in launch.json or delve.logOutput of the target"},
    {"only-same-user", 0, false, DELVE_FLAG_PINNED, "true", "delvegate always starts Delve with --only-same-user=true"},
    {"onprocess", 'p', true, DELVE_FLAG_SUPERVISOR, NULL, "it belongs to `dlv replay`"},
    {"output", 0, true, DELVE_FLAG_SUPERVISOR, NULL, "the binary goes into the session's run directory"},
    {"pid", 0, true, DELVE_FLAG_SUPERVISOR, NULL, "it belongs to `dlv trace`; use \"processId\""},
    {"redirect", 'r', true, DELVE_FLAG_SUPERVISOR, NULL,
     "delvegate redirects the program's output to the Debug Console, and its input to /dev/null"},
    {"rr-cleanup", 0, false, DELVE_FLAG_SUPERVISOR, NULL, "it belongs to `dlv replay`"},
    {"rr-onprocess", 0, true, DELVE_FLAG_SUPERVISOR, NULL, "it belongs to `dlv replay`"},
    {"stack", 's', true, DELVE_FLAG_SUPERVISOR, NULL, "it belongs to `dlv trace`"},
    {"test", 't', false, DELVE_FLAG_SUPERVISOR, "false", "it belongs to `dlv trace`; use \"mode\": \"test\""},
    {"timestamp", 0, false, DELVE_FLAG_SUPERVISOR, "false", "it belongs to `dlv trace`"},
    {"tty", 0, true, DELVE_FLAG_SUPERVISOR, NULL, "the program's output goes to the Debug Console"},
    {"verbose", 'v', false, DELVE_FLAG_SUPERVISOR, "false", "it belongs to `dlv version`"},
    {"waitfor", 0, true, DELVE_FLAG_SUPERVISOR, NULL, "this version attaches to running processes only"},
    {"waitfor-duration", 0, true, DELVE_FLAG_SUPERVISOR, NULL, "this version attaches to running processes only"},
    {"waitfor-interval", 0, true, DELVE_FLAG_SUPERVISOR, NULL, "this version attaches to running processes only"},
    {"wd", 0, true, DELVE_FLAG_USER, NULL, NULL},
};

enum { FLAG_COUNT = sizeof flags / sizeof flags[0] };

static const struct flag *by_name(const char *name, size_t len)
{
    for (size_t i = 0; i < FLAG_COUNT; i++)
        if (strlen(flags[i].name) == len && memcmp(flags[i].name, name, len) == 0)
            return &flags[i];
    return NULL;
}

static const struct flag *by_shorthand(char c)
{
    for (size_t i = 0; c && i < FLAG_COUNT; i++)
        if (flags[i].shorthand == c)
            return &flags[i];
    return NULL;
}

enum delve_flag_kind delve_flag_kind_of(const char *arg)
{
    const struct flag *f = NULL;
    if (strncmp(arg, "--", 2) == 0)
        f = by_name(arg + 2, strcspn(arg + 2, "="));
    else if (arg[0] == '-')
        f = by_shorthand(arg[1]);
    return f ? f->kind : DELVE_FLAG_USER;
}

/* As Go's strconv.ParseBool reads a pflag boolean. */
static bool is_true(const char *s)
{
    return !strcmp(s, "true") || !strcmp(s, "1") || !strcmp(s, "t") || !strcmp(s, "T") || !strcmp(s, "TRUE") ||
           !strcmp(s, "True");
}

static bool is_false(const char *s)
{
    return !strcmp(s, "false") || !strcmp(s, "0") || !strcmp(s, "f") || !strcmp(s, "F") || !strcmp(s, "FALSE") ||
           !strcmp(s, "False");
}

static bool asks_for_pin(const struct flag *f, const char *value)
{
    if (!f->pin)
        return false;
    if (f->takes_value)
        return strcmp(value, f->pin) == 0;
    return strcmp(f->pin, "true") == 0 ? is_true(value) : is_false(value);
}

struct reader {
    const char *const *args;
    size_t count, next;
    const char *origin;
    struct delve_strings *out, *notes;
    struct err *e;
};

static int no_memory(struct err *e)
{
    return err_set(e, "out of memory");
}

static int take(struct reader *r, const struct flag *f, const char *value)
{
    if (f->kind == DELVE_FLAG_USER) {
        /* One spelling each, so that others may look for it. */
        if (!f->takes_value && (is_true(value) || is_false(value)))
            value = is_true(value) ? "true" : "false";
        if (delve_strings_printf(r->out, "--%s=%s", f->name, value) < 0)
            return no_memory(r->e);
        return 0;
    }
    if (asks_for_pin(f, value))
        return 0;
    if (delve_note(r->notes, "%s: --%s=%s is dropped: %s.", r->origin, f->name, value, f->why) < 0)
        return no_memory(r->e);
    return 0;
}

/* The value of a flag that needs one and whose word ended: the next word, whatever it looks like (pflag does so too).
 */
static const char *next_value(struct reader *r)
{
    return r->next < r->count ? r->args[r->next++] : NULL;
}

static int lacks_value(struct reader *r, const struct flag *f)
{
    return err_set(r->e, "%s: --%s needs a value and none follows. Write it as one word: \"--%s=VALUE\".", r->origin,
                   f->name, f->name);
}

static int read_long(struct reader *r, const char *arg)
{
    const char *name = arg + 2;
    size_t len = strcspn(name, "=");
    if (len == 0 || name[0] == '-')
        return err_set(r->e, "%s: \"%s\" is not a flag. Write dlv's flags as \"--name=value\".", r->origin, arg);
    const struct flag *f = by_name(name, len);
    bool has_value = name[len] == '=';
    if (!f) {
        if (!has_value)
            return err_set(r->e,
                           "%s: delvegate does not know Delve's flag \"%s\", or whether it takes a value. Write it as "
                           "one word: \"%s=VALUE\" (a switch as \"%s=true\").",
                           r->origin, arg, arg, arg);
        return delve_strings_add(r->out, arg) < 0 ? no_memory(r->e) : 0;
    }
    const char *value = has_value ? name + len + 1 : f->takes_value ? next_value(r) : "true";
    return value ? take(r, f, value) : lacks_value(r, f);
}

/* `-r x`, `-rx`, `-r=x`; switches may share a word: `-hl x`. */
static int read_short(struct reader *r, const char *arg)
{
    for (const char *p = arg + 1; *p; p++) {
        const struct flag *f = by_shorthand(*p);
        if (!f)
            return err_set(r->e,
                           "%s: Delve has no flag \"-%c\" (in \"%s\"). Flags with a name are written with two "
                           "dashes: \"--name=value\".",
                           r->origin, *p, arg);
        if (p[1] == '=')
            return take(r, f, p + 2);
        if (f->takes_value) {
            const char *value = p[1] ? p + 1 : next_value(r);
            return value ? take(r, f, value) : lacks_value(r, f);
        }
        if (take(r, f, "true") < 0)
            return -1;
    }
    return 0;
}

int delve_flags_read(const char *const *args, size_t count, const char *origin, struct delve_strings *out,
                     struct delve_strings *notes, struct err *e)
{
    struct reader r = {.args = args, .count = count, .origin = origin, .out = out, .notes = notes, .e = e};
    while (r.next < r.count) {
        const char *arg = r.args[r.next++];
        int done;
        if (strcmp(arg, "--") == 0)
            done = err_set(e,
                           "%s: \"--\" would end dlv's flags before those that delvegate needs. Remove it; the "
                           "program's arguments belong in \"args\".",
                           origin);
        else if (strncmp(arg, "--", 2) == 0)
            done = read_long(&r, arg);
        else if (arg[0] == '-' && arg[1])
            done = read_short(&r, arg);
        else
            done = err_set(e,
                           "%s: \"%s\" is not a flag of dlv. Write flags as \"--name=value\"; the program's arguments "
                           "belong in \"args\".",
                           origin, arg);
        if (done < 0)
            return -1;
    }
    return 0;
}
