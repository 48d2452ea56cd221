/* Remedies: a workspace that does not use the program's module. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/supervisor/remedy_parts.h"

/* What go selects of each module. */
static const char selected[] = "{{.Path}} {{if .Main}}main{{else}}{{.Version}}{{with .Replace}} => "
                               "{{if .Version}}{{.Path}} {{.Version}}{{else}}{{$.Dir}}{{end}}{{end}}{{end}}";

/* --- what it uses --- */

void remedy_used_dir(const struct remedy *r, const char *path, char *dir)
{
    if (*path == '/')
        remedy_path(dir, "%s", path);
    else
        remedy_path(dir, "%.*s/%s", (int)(strrchr(r->work, '/') - r->work), r->work, path);
}

struct search {
    const struct remedy *r;
    struct stat root;
    bool found;
};

static bool see_use(void *arg, const char *path)
{
    struct search *s = arg;
    char dir[SUPERVISOR_PATH_MAX];
    struct stat st;
    remedy_used_dir(s->r, path, dir);
    s->found = s->found || (stat(dir, &st) == 0 && st.st_dev == s->root.st_dev && st.st_ino == s->root.st_ino);
    return true;
}

static bool pass_replace(void *arg, const char *old_path, const char *old_version, const char *path)
{
    (void)arg;
    (void)old_path;
    (void)old_version;
    (void)path;
    return true;
}

bool remedy_lacks_module(const struct remedy *r)
{
    static const struct remedy_json_handler handler = {see_use, pass_replace};
    struct search s = {.r = r};
    struct buf json;
    if (!*r->root || stat(r->root, &s.root) < 0)
        return false;
    buf_init(&json, REMEDY_FILE_MAX);
    struct remedy_go go = {.argv = REMEDY_ARGS("work", "edit", "-json", r->work), .err = REMEDY_QUIET};
    bool is_read = remedy_go_read(&go, &json) == 0 && json.data && !json.failed &&
                   remedy_json_work(json.data, json.len, &handler, &s);
    buf_free(&json);
    return is_read && !s.found;
}

/* --- what it selects --- */

static int select_all(char *work, struct buf *out)
{
    struct remedy_go go = {.argv = REMEDY_ARGS("list", "-mod=readonly", "-m", "-f", selected, "all"),
                           .env = (char *[]){work, NULL},
                           .err = REMEDY_QUIET};
    return remedy_go_read(&go, out) == 0 && !out->failed ? 0 : -1;
}

/* The line of another list for the module of this one, NULL: none. */
static const char *line_of(const char *list, const char *line, size_t *len)
{
    size_t path = strcspn(line, " ") + 1;
    for (const char *p = list; p && *p; p += *len + (p[*len] == '\n')) {
        *len = strcspn(p, "\n");
        if (*len >= path && strncmp(p, line, path) == 0)
            return p;
    }
    return NULL;
}

/* A module of the workspace takes the place of any version: that is what a workspace is for. */
static bool is_other(const char *line, size_t len, const char *other, size_t other_len)
{
    static const char own[] = " main";
    bool is_main = other_len >= strlen(own) && strncmp(other + other_len - strlen(own), own, strlen(own)) == 0;
    return !is_main && (len != other_len || strncmp(line, other, len) != 0);
}

static int compare(const struct remedy *r, const char *alone, const char *together)
{
    size_t len, other_len;
    for (const char *line = alone; line && *line; line += len + (line[len] == '\n')) {
        len = strcspn(line, "\n");
        const char *other = line_of(together, line, &other_len);
        if (other && is_other(line, len, other, other_len))
            return remedy_unsuited("with %s the program would have %.*s instead of %.*s", r->work, (int)other_len,
                                   other, (int)len, line);
    }
    return 0;
}

static int check_selection(const struct remedy *r, char *work)
{
    static char off[] = "GOWORK=off";
    struct buf alone, together;
    buf_init(&alone, REMEDY_FILE_MAX);
    buf_init(&together, REMEDY_FILE_MAX);
    int status = 0;
    /* One that does not load alone needs the workspace. */
    if (select_all(off, &alone) == 0)
        status = select_all(work, &together) < 0 ? remedy_unsuited("go cannot list the modules with %s", r->work)
                                                 : compare(r, alone.data, together.data);
    buf_free(&alone);
    buf_free(&together);
    return status;
}

/* --- the copy --- */

static int add_use(const struct remedy *r, const char *copy)
{
    char flag[SUPERVISOR_PATH_MAX];
    remedy_path(flag, "-use=%s", r->root);
    return remedy_go_plain(REMEDY_ARGS("work", "edit", flag, copy)) == 0
               ? 0
               : remedy_unsuited("%s cannot be completed with %s", r->work, r->root);
}

static int complete(const struct remedy *r, const char *copy)
{
    char env[SUPERVISOR_PATH_MAX + sizeof "GOWORK="];
    (void)snprintf(env, sizeof env, "GOWORK=%s", copy);
    int status = remedy_copy_work(r, r->dir);
    if (!status)
        status = add_use(r, copy);
    if (!status)
        status = check_selection(r, env);
    if (!status && remedy_try_build(r, NULL, (char *[]){env, NULL}) != 0)
        status = remedy_unsuited("it does not build with %s either, even with %s added", r->work, r->root);
    return status;
}

int remedy_complete(const struct remedy *r)
{
    char copy[SUPERVISOR_PATH_MAX], sums[SUPERVISOR_PATH_MAX];
    remedy_path(copy, "%s/go.work", r->dir);
    remedy_path(sums, "%s.sum", copy);
    int status = complete(r, copy);
    if (status) {
        /* Another remedy begins with what the user has. */
        (void)unlink(copy);
        (void)unlink(sums);
        return status;
    }
    remedy_notef(r, "%s, would change (Delve builds with a copy):\n+use %s", r->work, r->root);
    return REMEDY_DONE;
}
