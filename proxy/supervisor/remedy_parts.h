/* What the files of the remedies share. All of it runs in the remedy's own process, but for remedy_aside.c, whose
 * remedy_restore others call too. */
#ifndef PROXY_SUPERVISOR_REMEDY_PARTS_H
#define PROXY_SUPERVISOR_REMEDY_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "dap/buf.h"
#include "proxy/supervisor/remedy.h"
#include "proxy/supervisor/supervisor.h"

enum {
    REMEDY_FILE_MAX = 32 * 1024 * 1024, /* bytes of a module file that is looked into */
    REMEDY_OUTPUT_MAX = 1024 * 1024,    /* bytes of what go prints for us */
    REMEDY_NAME_MAX = 1024,             /* bytes of a module's path or version */
    REMEDY_CHUNK = 64 * 1024,           /* bytes read at once */
    REMEDY_FILE_MODE = 0600,            /* of what is made here */
    REMEDY_USER_MODE = 0666,            /* of what is made in the user's tree, less the umask */
    REMEDY_DIR_MODE = 0700
};

/* One remedy at work. */
struct remedy {
    const char *session; /* the session's directory */
    const char *dir;     /* what the remedies of this launch have made, in it */
    const char *package; /* what is built; never "" */
    bool is_test;        /* its test is built */
    char *const *flags;  /* launch.json's build flags, NULL-terminated; may be NULL */
    bool edits;          /* the user's files are changed, not copies */
    int notes;           /* a descriptor for records */
    char module[REMEDY_NAME_MAX], version[REMEDY_NAME_MAX]; /* "": not known */

    /* By remedy_find_files; "": there is none. */
    char modfile[SUPERVISOR_PATH_MAX];  /* the go.mod in use */
    char sumfile[SUPERVISOR_PATH_MAX];  /* its sums */
    char root[SUPERVISOR_PATH_MAX];     /* the main module's directory */
    char work[SUPERVISOR_PATH_MAX];     /* the go.work in use */
    char modcache[SUPERVISOR_PATH_MAX]; /* GOMODCACHE */
    bool chooses_files;                 /* a flag has -mod=mod or -mod=readonly: vendor/ is not used */
    bool chooses_vendor;                /* a flag has -mod=vendor */
};

/* --- remedy.c: messages and paths --- */

/* Print a line for the user, and return REMEDY_UNSUITED or REMEDY_FAILED. */
int remedy_unsuited(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int remedy_failed(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void remedy_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Reports text as ORDER_NOTE. */
void remedy_note(const struct remedy *r, const char *text);
void remedy_notef(const struct remedy *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Puts a path together; SUPERVISOR_PATH_MAX bytes. One that does not fit ends the process with REMEDY_FAILED. */
void remedy_path(char *path, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* --- remedy_go.c: the go command --- */

enum { REMEDY_QUIET = -1 }; /* a descriptor of /dev/null */

struct remedy_go {
    const char *const *argv; /* what follows "go"; NULL-terminated */
    const char *dir;         /* where it runs; NULL: where we are */
    char *const *env;        /* NAME=VALUE, set for it alone, NULL-terminated; NULL: nothing */
    int out, err;            /* its stdout and stderr */
};
#define REMEDY_ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Runs go and waits. Returns its exit status, or 128 + signal; 127 with a message when it can't be started. */
int remedy_go(const struct remedy_go *go);
/* The same for `go ARG...` here, whose text goes to the user. */
int remedy_go_plain(const char *const *argv);
/* The same, with what it prints on stdout appended to out instead (go->out counts for nothing). A text that does not
 * fit is a failure of the buffer's. */
int remedy_go_read(const struct remedy_go *go, struct buf *out);
/* The same for stderr, without stdout. */
int remedy_go_stderr(const struct remedy_go *go, struct buf *out);

/* --- remedy_build.c: the build as Delve does it --- */

/* Appends those build flags of launch.json to argv[n] that say what is built, for a go command that has flags for the
 * module files of its own; at most max - 1 arguments in all. Returns the new n. */
size_t remedy_add_flags(const struct remedy *r, const char **argv, size_t n, size_t max);
/* Builds with all of them, then flag (-mod=...; NULL: none), to no avail but to see whether it can be done. env as for
 * remedy_go. Returns 0, or another status when it cannot. */
int remedy_try_build(const struct remedy *r, const char *flag, char *const *env) MUST_USE;

/* The same as a remedy: what does not build so either brings no new cause to light. what: is tried, in words. */
int remedy_try_out(const struct remedy *r, const char *flag, char *const *env, const char *what) MUST_USE;

/* --- remedy_copy.c: files --- */

/* Whether something is there, symbolic links followed. */
bool remedy_exists(const char *path);
/* Whether two files have the same bytes; one that can't be read counts as empty. */
bool remedy_same(const char *a, const char *b);
/* Appends the bytes of a file; a missing one has none. Returns -1 with errno. */
int remedy_read(const char *path, struct buf *bytes) MUST_USE;
/* Makes file `to` with these bytes, in one move. Returns -1 with errno. */
int remedy_write(const char *to, const char *bytes, size_t len) MUST_USE;
/* Copies a file for writing, where there is none yet; what is missing stays so. Returns 0, or REMEDY_FAILED with a
 * message.
 */
int remedy_copy(const char *from, const char *to) MUST_USE;
/* Writes the bytes of one file into another that is there. Returns likewise. */
int remedy_overwrite(const char *from, const char *to) MUST_USE;
/* The same for one that may not be there. */
int remedy_install(const char *from, const char *to) MUST_USE;
/* Makes an empty directory DIR/NAME, whatever was there. Returns likewise. */
int remedy_fresh_dir(const struct remedy *r, const char *name) MUST_USE;
/* Remembers files as they are (NULL-terminated; "" is passed over). Returns likewise. */
int remedy_before(const struct remedy *r, const char *const *files) MUST_USE;
/* Where it is remembered. */
void remedy_before_path(const struct remedy *r, const char *file, char *path);
/* Whether a file is other than it was remembered. */
bool remedy_differs(const struct remedy *r, const char *file);

/* --- remedy_diff.c: what differs --- */

/* Appends a line "\n-LINE" or "\n+LINE" to text for what was removed and added, the first twelve of them, and how many
 * more there are. */
void remedy_diff(struct buf *text, const struct buf *was, const struct buf *now);
/* Reports which lines of the file real differ between was and now; nothing when none do. */
void remedy_report_changes(const struct remedy *r, const char *real, const char *was, const char *now);

/* --- remedy_find.c: which module files are in use --- */

/* Finds them. Returns 0, or the remedy's status with a message. */
int remedy_find_files(struct remedy *r) MUST_USE;
/* Whether go takes the dependencies from vendor/ by itself. */
bool remedy_is_vendored(const struct remedy *r);

/* --- remedy_named.c: what a go.mod names --- */

/* Appends what a go.mod names, line by line: kind, name and value of each, with a NUL after each of the three. Returns
 * -1 when it is not understood, which go has reported on err. */
int remedy_named(const char *file, int err, struct buf *named) MUST_USE;
/* What the user's build would lose. */
struct remedy_loss {
    size_t changed; /* something has another value, or is there that changes the meaning of the rest */
    size_t dropped;
    size_t added; /* requirements: no loss */
};
/* What a go.mod without a line go has for its language. */
#define REMEDY_GO_DEFAULT "1.16"
bool remedy_names_go(const struct buf *named);
/* Compares what was named with what is. The first of the losses are appended to text: "change PATH from VERSION to
 * VERSION, drop PATH VERSION and 2 more". */
struct remedy_loss remedy_compare(const struct buf *was, const struct buf *now, struct buf *text);
/* Whether a module that is required, or replaced, may have the package. */
bool remedy_is_required(const struct buf *named, const char *package, size_t len);
/* Finds the required module that has the package, and nothing in its place; module and version: REMEDY_NAME_MAX bytes
 * each. Returns false when there is none. */
bool remedy_required(const struct buf *named, const char *package, char *module, char *version);

/* --- remedy_own.c: packages of the program's own modules --- */

/* None of them is asked of a module proxy, which would tell others of a private import path. Both return 0 when none
 * would be, or another status with a message. Of what the diagnosis names, and of what go would look for to load the
 * package; flag: -modfile= of files that it may write to. */
int remedy_check_own_package(const struct remedy *r, const char *flag) MUST_USE;
/* The same for `go mod tidy`, which looks for what any file of the module imports. */
int remedy_check_own_module(const struct remedy *r) MUST_USE;

/* --- remedy_imports.c --- */

typedef void (*remedy_import_handler)(void *arg, const char *package, size_t len);
/* Tells of what all Go files of the module in root import, whatever the tags and the system. */
void remedy_imports(const char *root, remedy_import_handler handler, void *arg);
/* The same of one directory alone. */
void remedy_imports_of(const char *dir, bool with_tests, remedy_import_handler handler, void *arg);
bool remedy_has_go_files(const char *dir);

/* --- remedy_files.c: remedies for module files --- */

int remedy_download(struct remedy *r);
int remedy_tidy(struct remedy *r);
int remedy_mod_mod(struct remedy *r);
int remedy_copies(struct remedy *r);

/* --- remedy_toolchain.c: other Go versions on the machine --- */

/* For remedy_go: the Go that was called, whatever go.mod asks for. */
extern char remedy_local_toolchain[];
int remedy_toolchain(struct remedy *r);

/* --- remedy_work.c, remedy_work_copy.c, remedy_complete.c, remedy_json.c: workspaces --- */

/* Whether go.work does not use the main module though it is read without fault. */
bool remedy_lacks_module(const struct remedy *r);
/* Adds it to a copy of go.work, when no module is another version then. */
int remedy_complete(const struct remedy *r);
/* The directory that a line `use` of go.work names. */
void remedy_used_dir(const struct remedy *r, const char *path, char *dir);

/* Copies go.work and its sums to a directory; in the copy every path is absolute. Returns 0, or the remedy's status
 * with a message. */
int remedy_copy_work(const struct remedy *r, const char *dir) MUST_USE;
int remedy_work(struct remedy *r);
int remedy_work_off(struct remedy *r);
int remedy_mod_readonly(struct remedy *r);

/* What go.work says, piece by piece: its paths as they stand there. Return false to give up. */
struct remedy_json_handler {
    bool (*use)(void *arg, const char *path);
    bool (*replace)(void *arg, const char *old_path, const char *old_version, const char *path);
};
/* Reads what `go work edit -json` prints. Returns false when it is not understood, or a handler gave up. */
bool remedy_json_work(const char *text, size_t len, const struct remedy_json_handler *h, void *arg) MUST_USE;

/* --- remedy_version.c: which module --- */

/* Finds module and version where only a package, or nothing of a version, is known. */
void remedy_find_version(struct remedy *r);
/* Whether module@version can be taken for a part of a path. */
bool remedy_is_version(const char *module, const char *version);
/* Appends a name as the cache spells it: upper-case letters with a mark. */
void remedy_case_encode(struct buf *out, const char *name);

/* --- remedy_fetch.c: what is fetched beside the cache --- */

/* Makes DIR/judge: a module whose go.sum is all that the user's files say. Returns 0 or REMEDY_FAILED. */
int remedy_make_verifier(const struct remedy *r) MUST_USE;
/* Fetches module@version under that module's go.sum; cache: instead of the real one, proxy: instead of go's own; NULL:
 * not so. Returns go's status. */
int remedy_fetch(const struct remedy *r, const char *cache, const char *proxy, int output);
/* Fetches all that the build needs, with copies of the module's files for what go writes; env as for remedy_go.
 * Returns 0 or another status. */
int remedy_fetch_needed(const struct remedy *r, char *const *env, int output);
/* The same for what the package imports alone, its tests too or not. */
int remedy_fetch_imported(const struct remedy *r, bool of_tests, char *const *env, int output);
/* Appends a path as a file proxy's URL. */
void remedy_proxy_of(struct buf *out, const char *path);

/* --- remedy_cache.c: caches --- */

int remedy_purge(struct remedy *r);
int remedy_gocache(struct remedy *r);
/* Makes DIR/gocache. Returns 0 or REMEDY_FAILED with a message. */
int remedy_make_gocache(const struct remedy *r) MUST_USE;
int remedy_clean_modcache(struct remedy *r);

/* --- remedy_modcache.c: a module cache of the session's own --- */

int remedy_modcache(struct remedy *r);

/* --- remedy_index.c: what the build cache remembers of modules --- */

/* Removes go's index of these directories of a module cache (paths, each with its NUL) from its build cache, for it is
 * not made again when what is in them changes. Where that can't be done the builds of this launch get a fresh build
 * cache, and delvegate and the user are notified. *changed: whether there was one, or a fresh build cache is used.
 * Returns REMEDY_DONE or REMEDY_FAILED with a message. */
int remedy_forget_index(const struct remedy *r, const struct buf *dirs, bool *changed) MUST_USE;

/* --- remedy_aside.c: moving aside and putting back (remedy_restore) --- */

struct remedy_aside {
    const char *name; /* what it is called meanwhile */
    const char *path; /* where it belongs */
};
/* Writes down what belongs where, and moves it, one after the other, to a new directory below modcache. What is not
 * there counts too: what comes in its place goes when the rest is put back. Returns -1 with errno; remedy_restore
 * follows in any case. */
int remedy_aside(const char *session_dir, const char *modcache, const struct remedy_aside *list, size_t n) MUST_USE;
/* What came in its place is good: remedy_restore removes what was moved. Returns -1 with errno. */
int remedy_aside_done(const char *session_dir) MUST_USE;

#endif
