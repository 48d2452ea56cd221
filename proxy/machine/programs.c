#include "proxy/machine/programs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "supervisor_build.h"

enum {
    PIECE = 16384,     /* bytes of a file compared at a time */
    HASH_SHOWN = 12,   /* digits of a hash that a person sees */
    BYTES_A_KIB = 1024 /* sizes are shown in KiB */
};

/* What other kernels and Go say. */
static const struct {
    const char *said, *arch;
} synonyms[] = {{"amd64", "x86_64"}, {"arm64", "aarch64"}, {"386", "i686"}};

static const char *canonical(const char *arch)
{
    for (size_t i = 0; i < sizeof synonyms / sizeof *synonyms; i++)
        if (strcmp(arch, synonyms[i].said) == 0)
            return synonyms[i].arch;
    return arch;
}

const char *programs_build(void)
{
    return SUPERVISOR_BUILD;
}

const struct bootstrap_program *programs_find(const char *arch)
{
    for (size_t i = 0; i < programs_count; i++)
        if (strcmp(canonical(arch), programs_table[i].arch) == 0)
            return &programs_table[i];
    return NULL;
}

/* The value of SUPERVISORS that keeps what is in this build, and has `arch` as well. */
static void wanted(const char *arch, struct buf *list)
{
    if (!programs_find(programs_own.arch))
        buf_printf(list, "%s ", programs_own.arch);
    for (size_t i = 0; i < programs_count; i++)
        buf_printf(list, "%s ", programs_table[i].arch);
    buf_puts(list, canonical(arch));
}

int programs_missing(const char *arch, struct err *err)
{
    if (strcmp(canonical(arch), programs_own.arch) == 0)
        return err_set(
            err,
            "This delvegate's supervisor for %s needs the shared libc of the machine where it was built, so it is not "
            "copied to other machines.\nInstall a static libc (musl-tools on Debian and Ubuntu, glibc-static on "
            "Fedora), and build delvegate again: make",
            programs_own.arch);
    struct buf list;
    buf_init(&list, ERR_TEXT_MAX);
    wanted(arch, &list);
    err_set(err,
            "This delvegate has no supervisor for machines of the architecture %s.\n"
            "Build delvegate with it: make SUPERVISORS=\"%s\" (make names the cross compiler that it needs)",
            canonical(arch), list.failed ? canonical(arch) : list.data);
    buf_free(&list);
    return -1;
}

static bool holds(FILE *f, const unsigned char *bytes, size_t size)
{
    unsigned char piece[PIECE];
    size_t done = 0, n;
    while ((n = fread(piece, 1, sizeof piece, f)) > 0) {
        if (n > size - done || memcmp(piece, bytes + done, n) != 0)
            return false;
        done += n;
    }
    return done == size && !ferror(f);
}

/* Beside an installed delvegate any program may have that name. */
static bool is_ours(const char *path)
{
    FILE *f = fopen(path, "rbe");
    if (!f)
        return false;
    bool same = holds(f, programs_own.bytes, programs_own.size);
    (void)fclose(f);
    return same;
}

/* Writes DIR and NAME to path; returns whether that is an executable, else errno says why not. */
static bool path_is(char *path, size_t size, const char *dir, const char *name)
{
    int n = snprintf(path, size, "%s%s", dir, name);
    if (n < 0 || (size_t)n >= size) {
        errno = ENAMETOOLONG;
        return false;
    }
    return access(path, X_OK) == 0;
}

int programs_local_from(const char *dir, char *path, size_t size, struct err *err)
{
    bool is_beside = path_is(path, size, dir, "/supervisor");
    if (is_beside && is_ours(path))
        return 0;
    if (path_is(path, size, dir, "/delvegate-supervisor"))
        return 0;
    const char *slash = strrchr(dir, '/');
    char parent[PROGRAMS_PATH_MAX];
    (void)snprintf(parent, sizeof parent, "%.*s", slash ? (int)(slash - dir) : 0, dir);
    if (path_is(path, size, parent, "/libexec/delvegate/supervisor"))
        return 0;
    if (is_beside && errno == ENOENT)
        return err_set(err,
                       "%s/supervisor is from another build than this delvegate, and %s does not exist.\n"
                       "Run make again, and restart delvegate",
                       dir, path);
    return err_set(err,
                   "The supervisor for this machine, %s, can't be executed: %s.\n"
                   "Run make install again, in the source tree and with the same directories as before",
                   path, strerror(errno));
}

int programs_local(char *path, size_t size, struct err *err)
{
    char self[PROGRAMS_PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0)
        return err_set(err,
                       "/proc/self/exe, which holds delvegate's path, can't be read: %s.\n"
                       "Mount /proc",
                       strerror(errno));
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = '\0';
    return programs_local_from(self, path, size, err);
}

static void print_one(struct buf *text, const struct bootstrap_program *p, const char *restriction)
{
    buf_printf(text, "supervisor for %s: %.*s, %zu KiB%s\n", p->arch, HASH_SHOWN, p->hash,
               (p->size + BYTES_A_KIB - 1) / BYTES_A_KIB, restriction);
}

void programs_print(struct buf *text)
{
    if (!programs_find(programs_own.arch))
        print_one(text, &programs_own, ", for this machine only");
    for (size_t i = 0; i < programs_count; i++)
        print_one(text, &programs_table[i], "");
    char path[PROGRAMS_PATH_MAX];
    struct err err;
    if (programs_local(path, sizeof path, &err) == 0)
        buf_printf(text, "supervisor here: %s\n", path);
    else
        buf_printf(text, "supervisor here: none. %s\n", err.text);
}
