#include "proxy/cli/check_env_dir.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RULES_MAX = 1024 /* bytes of words on rules */ };

void check_env_dir_free(struct check_env_dir *d)
{
    free(d->given);
    free(d->path);
    *d = (struct check_env_dir){0};
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

/* The rule that maps d->given, or those that don't. The caller frees; NULL when there is none. */
static char *rules_of(const struct check_env_dir *d, const struct config_target *t)
{
    struct buf rules;
    buf_init(&rules, RULES_MAX);
    (void)config_paths_explain(&t->paths, d->given, &rules); /* what does not fit is left out */
    char *text = rules.len ? buf_take(&rules) : NULL;
    buf_free(&rules);
    return text;
}

/* Puts a name for the directory into d, when a rule maps it. Returns whether one does. */
static bool take_if_mapped(struct check_env_dir *d, const struct config_target *t, const char *name)
{
    char *path = name ? config_paths_to_remote(&t->paths, name) : NULL;
    if (!path)
        return false;
    free(d->given);
    d->given = strdup(name);
    d->path = path;
    d->is_mapped = true;
    return true;
}

static int under_its_own_name(struct check_env_dir *d, const struct config_target *t, bool is_there, struct err *why)
{
    char *rules = is_there || config_target_is_local(t) ? NULL : rules_of(d, t);
    if (!rules) {
        d->path = strdup(d->given);
        return d->path ? 0 : err_set(why, "out of memory");
    }
    (void)err_set(why,
                  "%s maps nowhere on %s: no rule in `paths` of target %s fits it (%s), so a session would not find "
                  "its files; add { \"client\": \"%s\", \"remote\": ... }, or name the directory there with --cwd",
                  d->given, config_target_machine(t), t->name, rules, d->given);
    free(rules);
    return 0;
}

int check_env_dir_find(struct check_env_dir *d, const struct config_target *t, const char *cwd, struct err *why)
{
    char *physical = cwd ? NULL : getcwd(NULL, 0);
    int error = errno;
    const char *logical = physical ? shells_name() : NULL;
    const char *name = cwd ? cwd : logical ? logical : physical;
    *d = (struct check_env_dir){0};
    if (!name) {
        (void)err_set(why,
                      "the current directory cannot be determined: %s; change to the project's directory, or name "
                      "it with --cwd",
                      strerror(error));
        return 0;
    }
    d->given = strdup(name);
    if (!d->given)
        (void)err_set(why, "out of memory");
    int r = 0;
    if (d->given && !take_if_mapped(d, t, name) && !take_if_mapped(d, t, physical)) {
        r = name[0] == '/' ? under_its_own_name(d, t, cwd != NULL, why)
                           : err_set(why,
                                     "--cwd '%s' is no absolute path on the Go machine, and no `paths` of target %s "
                                     "maps it to one",
                                     cwd, t->name);
    }
    free(physical);
    return r;
}

void check_env_dir_explain(const struct check_env_dir *d, const struct config_target *t, const char *reason,
                           struct err *why)
{
    char *rules = d->is_mapped ? rules_of(d, t) : NULL;
    if (config_target_is_local(t))
        (void)err_set(why, "%s: %s; no session can run in it", d->path, reason);
    else if (rules)
        (void)err_set(why,
                      "%s cannot be used on %s: `paths` of target %s (%s) map it to %s: %s; copy the source there, or "
                      "correct `paths`",
                      d->given, config_target_machine(t), t->name, rules, d->path, reason);
    else
        (void)err_set(why,
                      "%s cannot be used on %s: %s; copy the source there, or add { \"client\": \"%s\", \"remote\": "
                      "... } to `paths` of target %s",
                      d->path, config_target_machine(t), reason, d->path, t->name);
    free(rules);
}
