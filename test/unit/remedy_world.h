/* What the tests of remedies share: a directory for each test, modules in a file proxy, the real go, trees of files as
 * text, and a remedy run as the supervisor runs it. */
#ifndef TEST_UNIT_REMEDY_WORLD_H
#define TEST_UNIT_REMEDY_WORLD_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "delve/order.h"
#include "proxy/supervisor/directory.h"
#include "proxy/supervisor/remedy.h"
#include "proxy/supervisor/remedy_parts.h"

enum {
    WORLD_NOBODY = 65534,
    WORLD_TEXTS = 64,
    WORLD_MAX = 16 * 1024 * 1024,
    WORLD_ARGS = 24,
    CRC_POLYNOMIAL = (int)0xedb88320u
};

static char world[256];        /* the directory of the present test */
static struct buf said, noted; /* by the last remedy */

/* A text that lives for a while. */
__attribute__((format(printf, 1, 2))) static const char *text_of(const char *fmt, ...)
{
    static char texts[WORLD_TEXTS][SUPERVISOR_PATH_MAX];
    static size_t next;
    char *text = texts[next++ % WORLD_TEXTS];
    va_list ap;
    va_start(ap, fmt);
    assert_in_range(vsnprintf(text, sizeof texts[0], fmt, ap), 0, sizeof texts[0] - 1);
    va_end(ap);
    return text;
}
/* A path in the test's directory. */
#define AT(...) text_of("%s/%s", world, text_of(__VA_ARGS__))

static inline void make_dirs(const char *path)
{
    for (const char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        const char *part = text_of("%.*s", slash ? (int)(slash - path) : SUPERVISOR_PATH_MAX - 1, path);
        if (mkdir(part, 0755) < 0)
            assert_int_equal(errno, EEXIST);
        if (!slash)
            return;
    }
}

static inline void put_file(const char *path, const char *bytes, size_t len)
{
    make_dirs(text_of("%.*s", (int)(strrchr(path, '/') - path), path));
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}
static inline void put_text(const char *path, const char *text)
{
    put_file(path, text, strlen(text));
}
static inline void add_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "ae");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}
static inline char *read_file(const char *path)
{
    struct buf b;
    buf_init(&b, WORLD_MAX);
    assert_int_equal(remedy_read(path, &b), 0);
    buf_puts(&b, "");
    assert_false(b.failed);
    return buf_take(&b);
}
static inline bool file_has(const char *path, const char *text)
{
    char *all = read_file(path);
    bool has = strstr(all, text) != NULL;
    free(all);
    return has;
}
/* Removes the lines that have a text. */
static inline void drop_lines(const char *path, const char *text)
{
    char *all = read_file(path);
    struct buf kept;
    buf_init(&kept, WORLD_MAX);
    buf_puts(&kept, "");
    assert_false(kept.failed);
    for (char *line = all, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        if (!strstr(line, text)) {
            buf_printf(&kept, "%s\n", line);
            assert_false(kept.failed);
        }
    }
    put_file(path, kept.data, kept.len);
    buf_free(&kept);
    free(all);
}

/* --- trees --- */

static inline void put_entry(struct buf *out, const char *path, const char *name, const struct stat *st,
                             bool with_times)
{
    buf_printf(out, "%s %o ", name, (unsigned)st->st_mode);
    assert_false(out->failed);
    if (with_times) {
        buf_printf(out, "%lld.%09ld ", (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
        assert_false(out->failed);
    }
    if (S_ISREG(st->st_mode)) {
        char *bytes = read_file(path);
        uint64_t hash = 14695981039346656037u;
        for (off_t i = 0; i < st->st_size; i++)
            hash = (hash ^ (unsigned char)bytes[i]) * 1099511628211u;
        buf_printf(out, "%lld %llx", (long long)st->st_size, (unsigned long long)hash);
        assert_false(out->failed);
        free(bytes);
    }
    buf_puts(out, "\n");
    assert_false(out->failed);
}

static inline bool ends_with(const char *name, const char *end)
{
    return strlen(name) >= strlen(end) && strcmp(name + strlen(name) - strlen(end), end) == 0;
}

static inline void put_tree(struct buf *out, const char *dir, const char *prefix, bool with_times)
{
    struct dirent **list;
    int n = scandir(dir, &list, NULL, alphasort);
    assert_true(n >= 0);
    for (int i = 0; i < n; i++) {
        const char *name = list[i]->d_name;
        char path[SUPERVISOR_PATH_MAX], below[SUPERVISOR_PATH_MAX];
        struct stat st;
        (void)snprintf(path, sizeof path, "%s/%s", dir, name);
        (void)snprintf(below, sizeof below, "%s/%s", prefix, name);
        bool counts = strcmp(name, "..") != 0 && (with_times || !ends_with(name, ".lock"));
        if (counts && lstat(path, &st) == 0) {
            put_entry(out, path, below, &st, with_times);
            if (S_ISDIR(st.st_mode) && strcmp(name, ".") != 0)
                put_tree(out, path, below, with_times);
        }
        free(list[i]);
    }
    free(list);
}
/* Names, modes, times and content; the caller frees it. */
static inline char *tree(const char *dir)
{
    struct buf out;
    buf_init(&out, WORLD_MAX);
    put_tree(&out, dir, "", true);
    return buf_take(&out);
}
/* Names, modes and content, without go's locks. */
static inline char *content(const char *dir)
{
    struct buf out;
    buf_init(&out, WORLD_MAX);
    put_tree(&out, dir, "", false);
    return buf_take(&out);
}
/* Says which line differs: cmocka cuts long texts. */
static inline void assert_same(char *now, const char *was)
{
    size_t i = 0, line = 0;
    for (; now[i] && now[i] == was[i]; i++)
        if (now[i] == '\n')
            line = i + 1;
    if (now[i] != was[i])
        fail_msg("now: %.*s\nwas: %.*s", (int)strcspn(now + line, "\n"), now + line, (int)strcspn(was + line, "\n"),
                 was + line);
    free(now);
}

/* --- a file proxy --- */

static inline uint32_t crc_of(const char *bytes, size_t len)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < len; i++) {
        crc ^= (unsigned char)bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? (uint32_t)CRC_POLYNOMIAL : 0);
    }
    return ~crc;
}
static inline void put_little(struct buf *out, int size, size_t number)
{
    for (; size-- > 0; number >>= 8) {
        char byte = (char)(number & 0xff);
        buf_append(out, &byte, 1);
        assert_false(out->failed);
    }
}
/* What a file's header and its line in the directory share. */
static inline void put_zip_fields(struct buf *out, const char *name, const char *bytes)
{
    size_t len = strlen(bytes);
    put_little(out, 2, 20); /* version, flags, stored, no time */
    put_little(out, 2, 0);
    put_little(out, 2, 0);
    put_little(out, 4, 0x00210000);
    put_little(out, 4, crc_of(bytes, len));
    put_little(out, 4, len);
    put_little(out, 4, len);
    put_little(out, 2, strlen(name));
    put_little(out, 2, 0);
}
struct zip {
    struct buf files, directory;
    size_t count;
};
static inline void zip_add(struct zip *z, const char *name, const char *bytes)
{
    size_t at = z->files.len;
    buf_append(&z->files, "PK\3\4", 4);
    assert_false(z->files.failed);
    put_zip_fields(&z->files, name, bytes);
    buf_puts(&z->files, name);
    buf_puts(&z->files, bytes);
    assert_false(z->files.failed);
    buf_append(&z->directory, "PK\1\2", 4);
    assert_false(z->directory.failed);
    put_little(&z->directory, 2, 20);
    put_zip_fields(&z->directory, name, bytes);
    put_little(&z->directory, 2, 0); /* comment, disk, attributes */
    put_little(&z->directory, 2, 0);
    put_little(&z->directory, 2, 0);
    put_little(&z->directory, 4, 0);
    put_little(&z->directory, 4, at);
    buf_puts(&z->directory, name);
    assert_false(z->directory.failed);
    z->count++;
}
static inline void zip_write(struct zip *z, const char *path)
{
    size_t at = z->files.len;
    buf_append(&z->files, z->directory.data, z->directory.len);
    buf_append(&z->files, "PK\5\6\0\0\0\0", 8);
    assert_false(z->files.failed);
    put_little(&z->files, 2, z->count);
    put_little(&z->files, 2, z->count);
    put_little(&z->files, 4, z->directory.len);
    put_little(&z->files, 4, at);
    put_little(&z->files, 2, 0);
    put_file(path, z->files.data, z->files.len);
    buf_free(&z->files);
    buf_free(&z->directory);
}

/* A module with one file besides go.mod in the file proxy px. */
static inline void publish(const char *px, const char *module, const char *version, const char *gomod, const char *file,
                           const char *text)
{
    struct buf name;
    struct zip z = {.count = 0};
    buf_init(&name, SUPERVISOR_PATH_MAX);
    buf_init(&z.files, WORLD_MAX);
    buf_init(&z.directory, WORLD_MAX);
    remedy_case_encode(&name, module);
    const char *base = text_of("%s/%s/@v/%s", px, name.data, version);
    put_text(text_of("%s.mod", base), gomod);
    put_text(text_of("%s.info", base), text_of("{\"Version\":\"%s\",\"Time\":\"2020-01-01T00:00:00Z\"}", version));
    add_text(text_of("%s/%s/@v/list", px, name.data), text_of("%s\n", version));
    zip_add(&z, text_of("%s@%s/go.mod", module, version), gomod);
    zip_add(&z, text_of("%s@%s/%s", module, version, file), text);
    zip_write(&z, text_of("%s.zip", base));
    buf_free(&name);
}

/* --- processes --- */

static inline int wait_for(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? SUPERVISOR_SIGNAL_STATUS + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Runs go in a directory with variables ("NAME=VALUE ...", NULL-terminated, may be NULL). Returns its status; its words
 * go to the test's own stderr. */
static inline int go_in(const char *dir, const char *const *env, const char *const *argv)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        const char *all[WORLD_ARGS] = {"go"};
        for (size_t i = 0; argv[i]; i++)
            all[i + 1] = argv[i];
        for (; env && *env; env++)
            if (putenv(strdup(*env)) != 0)
                _exit(126);
        if (chdir(dir) < 0 || dup2(open("/dev/null", O_RDWR), 0) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
            _exit(126);
        (void)execvp("go", (char *const *)(uintptr_t)all);
        _exit(127);
    }
    return wait_for(pid);
}
#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define GO_IN(dir, ...) go_in(dir, NULL, ARGS(__VA_ARGS__))

/* How the next remedies run. */
static struct {
    const char *mode, *cwd, *package;
    const char *flags[WORLD_ARGS]; /* what follows the package */
    const char *env[WORLD_ARGS];
    size_t launch;
    bool as_nobody; /* by root alone */
} how;

static inline void become_remedy(const char *name, const char *module, const char *version)
{
    const char *argv[2 * WORLD_ARGS] = {
        name, text_of("%s/inst/1/mended-%zu", world, how.launch), how.mode, module, version, how.package};
    int argc = 6;
    for (const char *const *flag = how.flags; *flag; flag++)
        argv[argc++] = *flag;
    int text = open(AT("text"), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    int notes = open(AT("notes"), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    for (const char *const *env = how.env; *env; env++)
        if (putenv(strdup(*env)) != 0)
            _exit(126);
    if (setsid() < 0 || chdir(how.cwd) < 0 || dup2(text, STDOUT_FILENO) < 0 || dup2(text, STDERR_FILENO) < 0)
        _exit(126);
    if (how.as_nobody && (setgid(WORLD_NOBODY) < 0 || setuid(WORLD_NOBODY) < 0))
        _exit(126);
    _exit(remedy_main(argc, (char *const *)(uintptr_t)argv, AT("inst/1"), notes));
}
/* In a process session of its own, as the supervisor's runs are. */
static inline pid_t start_remedy(const char *name, const char *module, const char *version)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        become_remedy(name, module, version);
    return pid;
}
static inline void read_notes(void)
{
    struct buf bytes;
    struct order o;
    long n;
    size_t at = 0;
    buf_init(&bytes, WORLD_MAX);
    buf_clear(&noted);
    buf_puts(&noted, "");
    assert_false(noted.failed);
    assert_int_equal(remedy_read(AT("notes"), &bytes), 0);
    for (; at < bytes.len && (n = order_read(bytes.data + at, bytes.len - at, &o)) > 0; at += (size_t)n) {
        if (o.kind != ORDER_FACT)
            assert_int_equal(o.kind, ORDER_NOTE);
        else {
            buf_printf(&noted, "%s=", order_get(&o, ORDER_NAME));
            assert_false(noted.failed);
        }
        buf_printf(&noted, "%s\n", order_get(&o, ORDER_TEXT));
        assert_false(noted.failed);
    }
    assert_int_equal(at, bytes.len);
    buf_free(&bytes);
}
static inline int remedy_of(const char *name, const char *module, const char *version)
{
    int status = wait_for(start_remedy(name, module, version));
    buf_clear(&said);
    buf_puts(&said, "");
    assert_false(said.failed);
    assert_int_equal(remedy_read(AT("text"), &said), 0);
    read_notes();
    return status;
}
static inline int remedy(const char *name)
{
    return remedy_of(name, "", "");
}
static inline void assert_has(const struct buf *text, const char *part)
{
    if (!strstr(text->data, part))
        fail_msg("no '%s' in:\n%s", part, text->data);
}
#define assert_said(part) assert_has(&said, part)
#define assert_noted(part) assert_has(&noted, part)
#define assert_status(got, want)                                                                                       \
    do {                                                                                                               \
        int status_ = (got);                                                                                           \
        if (status_ != (want))                                                                                         \
            fail_msg("status %d, not %d:\n%s", status_, want, said.data);                                              \
    } while (0)

/* Gives a tree to nobody. */
static inline void give_away(const char *path)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)execlp("chown", "chown", "-R", text_of("%d:%d", WORLD_NOBODY, WORLD_NOBODY), path, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(wait_for(pid), 0);
}

/* --- the world --- */

static inline void forget_variables(void)
{
    static const char *const names[] = {"GOFLAGS",   "GOWORK",    "GOPATH",    "GOBIN",     "GO111MODULE",
                                        "GOPRIVATE", "GONOSUMDB", "GONOPROXY", "GOINSECURE"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(unsetenv(names[i]), 0);
}

/* A proxy, a module `app` that needs what it has, and a session whose go fetches from nowhere else. */
static inline int make_world(void **state)
{
    static const char dep_mod[] = "module example.com/dep\n\ngo 1.18\n";
    (void)state;
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(world, sizeof world, "%s/remedy.XXXXXX", tmp && strlen(tmp) < 128 ? tmp : "/tmp");
    assert_non_null(mkdtemp(world));
    buf_init(&said, WORLD_MAX);
    buf_init(&noted, WORLD_MAX);
    buf_puts(&said, "");
    assert_false(said.failed);
    memset(&how, 0, sizeof how);
    how.mode = "shadow";
    how.cwd = strdup(AT("my app"));
    how.package = ".";
    how.launch = 1;
    forget_variables();
    assert_int_equal(setenv("GOENV", "off", 1), 0);
    assert_int_equal(setenv("GOSUMDB", "off", 1), 0);
    assert_int_equal(setenv("GOMODCACHE", AT("mod"), 1), 0);
    assert_int_equal(setenv("GOPROXY", text_of("file://%s/px", world), 1), 0);
    publish(AT("px"), "example.com/dep", "v1.0.0", dep_mod, "dep.go", "package dep\n\nconst V = 1\n");
    publish(AT("px"), "example.com/dep", "v1.1.0", dep_mod, "dep.go", "package dep\n\nconst V = 11\n");
    publish(AT("px"), "example.com/Lib", "v1.2.0",
            "module example.com/Lib\n\ngo 1.18\n\nrequire example.com/dep v1.0.0\n", "lib.go",
            "package lib\n\nimport \"example.com/dep\"\n\nconst W = dep.V + 1\n");
    put_text(AT("my app/go.mod"), "module example.com/app\n\ngo 1.18\n\nrequire example.com/Lib v1.2.0\n\n"
                                  "require example.com/dep v1.0.0 // indirect\n");
    put_text(AT("my app/main.go"), "package main\n\nimport \"example.com/Lib\"\n\nfunc main() { println(lib.W) }\n");
    make_dirs(AT("inst/1"));
    assert_int_equal(GO_IN(AT("my app"), "mod", "download", "all"), 0);
    return 0;
}
static inline int end_world(void **state)
{
    (void)state;
    free((char *)(uintptr_t)how.cwd);
    buf_free(&said);
    buf_free(&noted);
    return directory_remove(world);
}
/* A file that the launch's remedies have made. */
static inline const char *made(const char *name)
{
    return text_of("%s/inst/1/mended-%zu/%s", world, how.launch, name);
}
/* Breaks the entry of example.com/Lib in the cache. */
static inline void damage(void)
{
    assert_int_equal(chmod(AT("mod/example.com/!lib@v1.2.0"), 0755), 0);
    if (remedy_exists(AT("mod/example.com/!lib@v1.2.0/lib.go")))
        assert_int_equal(unlink(AT("mod/example.com/!lib@v1.2.0/lib.go")), 0);
    assert_int_equal(chmod(AT("mod/example.com/!lib@v1.2.0"), 0555), 0);
    put_text(AT("mod/cache/download/example.com/!lib/@v/v1.2.0.zip"), "x");
}

#define IN_WORLD(f) cmocka_unit_test_setup_teardown(f, make_world, end_world)

#endif
