/* Remedies: what is fetched beside the cache first. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proxy/supervisor/directory.h"
#include "proxy/supervisor/remedy_parts.h"

enum { FETCH_ENV_MAX = 8, HEX_BYTE = 3 * SUPERVISOR_PATH_MAX };

/* Sums that can't be read are not taken for none: go would accept anything. */
static int append_file(struct buf *all, const char *path)
{
    if (remedy_read(path, all) < 0)
        return remedy_failed("%s could not be read on the Go machine: %s", path, strerror(errno));
    /* The next one's first line is another. */
    if (all->len > 0 && all->data[all->len - 1] != '\n')
        buf_puts(all, "\n");
    return 0;
}

/* The sums of a workspace and of all its modules. */
static int append_work(const struct remedy *r, struct buf *all)
{
    char path[SUPERVISOR_PATH_MAX];
    struct buf dirs;
    buf_init(&dirs, REMEDY_OUTPUT_MAX);
    remedy_path(path, "%s.sum", r->work);
    int status = append_file(all, path);
    struct remedy_go go = {
        .argv = REMEDY_ARGS("list", "-mod=readonly", "-m", "-f", "{{if .Main}}{{.Dir}}{{end}}"),
        .err = STDERR_FILENO,
    };
    if (!status && (remedy_go_read(&go, &dirs) != 0 || dirs.failed))
        status = REMEDY_FAILED;
    for (const char *line = dirs.data; line && *line && !status;) {
        size_t len = strcspn(line, "\n");
        remedy_path(path, "%.*s/go.sum", (int)len, line);
        status = append_file(all, path);
        line += len + (line[len] == '\n');
    }
    buf_free(&dirs);
    return status;
}

static int write_verifier(const struct remedy *r, const struct buf *sums)
{
    static const char gomod[] = "module delvegate.invalid/judge\n";
    char path[SUPERVISOR_PATH_MAX];
    int result = sums->failed ? -1 : 0;
    if (result < 0)
        errno = EFBIG;
    remedy_path(path, "%s/judge/go.mod", r->dir);
    if (result == 0)
        result = remedy_write(path, gomod, strlen(gomod));
    remedy_path(path, "%s/judge/go.sum", r->dir);
    if (result == 0)
        result = remedy_write(path, sums->data ? sums->data : "", sums->len);
    return result == 0 ? 0 : remedy_failed("%s could not be written on the Go machine: %s", path, strerror(errno));
}

int remedy_make_verifier(const struct remedy *r)
{
    struct buf sums;
    int status = remedy_fresh_dir(r, "judge");
    buf_init(&sums, REMEDY_FILE_MAX);
    if (!status && *r->sumfile)
        status = append_file(&sums, r->sumfile);
    if (!status && *r->work)
        status = append_work(r, &sums);
    if (!status)
        status = write_verifier(r, &sums);
    buf_free(&sums);
    return status;
}

int remedy_fetch(const struct remedy *r, const char *cache, const char *proxy, int output)
{
    /* GOPRIVATE would pass a given proxy by. */
    static char no_work[] = "GOWORK=off", no_private[] = "GONOPROXY=none";
    char dir[SUPERVISOR_PATH_MAX], flag[SUPERVISOR_PATH_MAX], name[2 * REMEDY_NAME_MAX];
    char cache_env[SUPERVISOR_PATH_MAX + sizeof "GOMODCACHE="], proxy_env[HEX_BYTE + sizeof "GOPROXY=file://"];
    char *env[FETCH_ENV_MAX] = {no_work};
    size_t n = 1;
    if (cache) {
        (void)snprintf(cache_env, sizeof cache_env, "GOMODCACHE=%s", cache);
        env[n++] = cache_env;
    }
    if (proxy) {
        (void)snprintf(proxy_env, sizeof proxy_env, "GOPROXY=%s", proxy);
        env[n++] = proxy_env;
        env[n++] = no_private;
    }
    remedy_path(dir, "%s/judge", r->dir);
    remedy_path(flag, "-modfile=%s/go.mod", dir);
    (void)snprintf(name, sizeof name, "%s@%s", r->module, r->version);
    return remedy_go(&(struct remedy_go){
        .argv = REMEDY_ARGS("mod", "download", flag, name), .dir = dir, .env = env, .out = output, .err = output});
}

/* --- all that the build needs --- */

/* What go is to do: its first arguments and its last, "": none. */
struct fetching {
    const char *verb, *how, *option, *what;
    char *const *env;
    int output;
};

/* Runs it with a flag and a variable more. */
static int call(const struct fetching *f, const char *flag, const char *variable)
{
    char more[SUPERVISOR_PATH_MAX + sizeof "GOWORK="];
    char *env[FETCH_ENV_MAX] = {NULL};
    const char *const given[] = {f->verb, f->how, f->option, flag, f->what};
    const char *argv[sizeof given / sizeof *given + 1] = {NULL};
    size_t n = 0, count = 0;
    while (n < FETCH_ENV_MAX - 2 && f->env[n]) {
        env[n] = f->env[n];
        n++;
    }
    if (variable) {
        (void)snprintf(more, sizeof more, "%s", variable);
        env[n] = more;
    }
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        if (given[i] && *given[i])
            argv[count++] = given[i];
    return remedy_go(&(struct remedy_go){.argv = argv, .env = env, .out = f->output, .err = f->output});
}

static int fetch_work(const struct remedy *r, const struct fetching *f)
{
    char dir[SUPERVISOR_PATH_MAX], variable[SUPERVISOR_PATH_MAX];
    remedy_path(dir, "%s/needed", r->dir);
    int status = remedy_copy_work(r, dir);
    remedy_path(variable, "GOWORK=%s/go.work", dir);
    return status ? status : call(f, NULL, variable);
}

static int fetch_module(const struct remedy *r, const struct fetching *f)
{
    char to[SUPERVISOR_PATH_MAX], from[SUPERVISOR_PATH_MAX], flag[SUPERVISOR_PATH_MAX];
    remedy_path(from, "%s/judge/go.sum", r->dir);
    remedy_path(to, "%s/needed/go.sum", r->dir);
    int status = remedy_copy(from, to);
    remedy_path(to, "%s/needed/go.mod", r->dir);
    if (!status)
        status = remedy_copy(r->modfile, to);
    remedy_path(flag, "-modfile=%s", to);
    return status ? status : call(f, flag, NULL);
}

/* With copies of the module's files, and of go.work, for what go writes. */
static int fetch(const struct remedy *r, const struct fetching *f)
{
    int status = remedy_fresh_dir(r, "needed");
    if (status)
        return status;
    if (*r->work)
        return fetch_work(r, f);
    if (remedy_is_vendored(r))
        return remedy_failed("the build takes its modules from %s/vendor", r->root);
    return fetch_module(r, f);
}

int remedy_fetch_needed(const struct remedy *r, char *const *env, int output)
{
    const struct fetching f = {.verb = "mod", .how = "download", .env = env, .output = output};
    return fetch(r, &f);
}

int remedy_fetch_imported(const struct remedy *r, bool of_tests, char *const *env, int output)
{
    const struct fetching f = {.verb = "list",
                               .how = "-mod=readonly",
                               .option = of_tests ? "-test" : "-deps",
                               .what = r->package,
                               .env = env,
                               .output = output};
    return fetch(r, &f);
}

void remedy_proxy_of(struct buf *out, const char *path)
{
    buf_puts(out, "file://");
    for (const char *p = path; *p; p++)
        buf_printf(out, *p == '/' ? "/" : "%%%02x", (unsigned)(unsigned char)*p);
}
