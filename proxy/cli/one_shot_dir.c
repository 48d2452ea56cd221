#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dap/buf.h"
#include "proxy/cli/one_shot.h"

enum { RULES_MAX = 4096 /* bytes of text on rules */ };

void one_shot_dir_free(struct one_shot_dir *d)
{
    free(d->given);
    free(d->path);
    free(d->rules);
    *d = (struct one_shot_dir){0};
}

/* Puts a name for the directory into d, and what the target's paths make of it. Returns whether a rule maps it. */
static bool take(struct one_shot_dir *d, const struct config_target *t, const char *name)
{
    struct buf rules;
    one_shot_dir_free(d);
    buf_init(&rules, RULES_MAX);
    d->given = strdup(name);
    d->path = config_paths_to_remote(&t->paths, name);
    d->is_mapped = d->path != NULL;
    if (config_paths_explain(&t->paths, name, &rules) < 0)
        buf_clear(&rules); /* for words: they may lack it */
    d->rules = rules.len ? buf_take(&rules) : NULL;
    buf_free(&rules);
    return d->is_mapped;
}

/* The same path on the Go machine. */
static int take_unmapped(struct one_shot_dir *d, struct err *why)
{
    d->path = d->given ? strdup(d->given) : NULL;
    return d->path ? 0 : err_set(why, "out of memory");
}

int one_shot_dir_find(struct one_shot_dir *d, const struct config_target *t, const char *cwd, struct err *why)
{
    *d = (struct one_shot_dir){0};
    if (take(d, t, cwd) && d->path[0] == '/')
        return d->given ? 0 : err_set(why, "out of memory");
    if (!d->is_mapped && cwd[0] == '/')
        return take_unmapped(d, why);
    return err_set(
        why, "--cwd '%s' is not an absolute path on the Go machine, and no rule in `paths` of target %s maps it to one",
        cwd, t->name);
}

/* The current directory under the name that the shell has for it, which is also the editor's: it may lead over a
 * symbolic link. NULL when that is not known. */
static const char *shells_name(void)
{
    struct stat here, there;
    const char *name = getenv("PWD");
    if (!name || name[0] != '/' || stat(".", &here) < 0 || stat(name, &there) < 0)
        return NULL;
    return here.st_dev == there.st_dev && here.st_ino == there.st_ino ? name : NULL;
}

static int maps_nowhere(const struct one_shot_dir *d, const struct config_target *t, struct err *why)
{
    return err_set(
        why,
        "%s is not mapped to %s: no rule in `paths` of target %s matches it (%s), so a session would not find its "
        "files; add { \"client\": \"%s\", \"remote\": ... }, or name the directory on that machine with --cwd",
        d->given, config_target_machine(t), t->name, d->rules, d->given);
}

int one_shot_dir_current(struct one_shot_dir *d, const struct config_target *t, struct err *why)
{
    *d = (struct one_shot_dir){0};
    char *real = getcwd(NULL, 0);
    if (!real)
        return err_set(why,
                       "the current directory cannot be determined: %s; change to the project's directory, or name "
                       "it with --cwd",
                       strerror(errno));
    const char *shells = shells_name();
    bool is_mapped = (shells && take(d, t, shells)) || take(d, t, real);
    if (!is_mapped && shells)
        (void)take(d, t, shells); /* the name that the user knows */
    free(real);
    if (is_mapped)
        return d->given ? 0 : err_set(why, "out of memory");
    return d->given && d->rules && !config_target_is_local(t) ? maps_nowhere(d, t, why) : take_unmapped(d, why);
}
