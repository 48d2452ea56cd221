/* The supervisor's directories: which base is taken, what is refused and in which words, what is removed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/supervisor/directory.h"
#include "proxy/supervisor/file.h"
#include "proxy/supervisor/process.h"
#include "test/unit/test_directory.h"

enum { NOBODY = 65534, EXPECTED_STATUS = 7, SKIPPED_STATUS = 77 };

static char dir[SUPERVISOR_PATH_MAX];
static struct directory_error why;

static const char *tmp_base(const char *name)
{
    return at("%s/delvegate-%lu", name, (unsigned long)getuid());
}

static int setup(void **state)
{
    (void)state;
    (void)snprintf(root, sizeof root, "/tmp/dgp.XXXXXX");
    assert_non_null(mkdtemp(root));
    assert_int_equal(mkdir(at("home"), 0755), 0);
    assert_int_equal(mkdir(at("tmp"), 0755), 0);
    unsetenv("XDG_CACHE_HOME");
    setenv("HOME", at("home"), 1);
    setenv("TMPDIR", at("tmp"), 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return directory_remove(root);
}

static void make_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

static bool is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static void expect_dir(const char *path)
{
    if (directory_instance("name", dir, &why) < 0)
        fail_msg("%s: %s", why.kind, why.text);
    assert_string_equal(dir, path);
    assert_int_equal(mode_of(dir), 0700);
    assert_int_equal(rmdir(dir), 0); /* nothing is left of what was tried */
}

static void expect_error(const char *kind, const char *pattern)
{
    assert_int_equal(directory_instance("name", dir, &why), -1);
    assert_string_equal(why.kind, kind);
    if (fnmatch(pattern, why.text, 0) != 0)
        fail_msg("%s", why.text);
}

/* --- which base --- */

static void test_home(void **state)
{
    (void)state;
    mode_t old = umask(0177);
    assert_int_equal(directory_instance("name", dir, &why), 0);
    umask(old);
    expect_dir(at("home/.cache/delvegate/name"));
    assert_int_equal(mode_of(at("home/.cache")), 0700);
    assert_true(directory_is_private(at("home/.cache/delvegate")));
}

static void test_cache_home(void **state)
{
    (void)state;
    setenv("XDG_CACHE_HOME", at("a/b"), 1);
    expect_dir(at("a/b/delvegate/name"));
    setenv("XDG_CACHE_HOME", "relative", 1);
    expect_dir(at("home/.delvegate/name"));
}

static void test_no_home(void **state)
{
    (void)state;
    unsetenv("HOME");
    expect_dir(at("%s/name", tmp_base("tmp") + strlen(root) + 1));
    setenv("TMPDIR", at("tmp/none/file"), 1);
    make_file(at("tmp/none"), "");
    expect_error("dir", "*HOME is not set; */tmp/none/file/delvegate-*: Not a directory*");
}

static void test_run_user(void **state)
{
    (void)state;
    setenv("XDG_CACHE_HOME", "/run/user/4711", 1);
    expect_dir(at("home/.delvegate/name"));
    assert_false(is_there("/run/user/4711"));
    unsetenv("HOME");
    setenv("TMPDIR", "/run/user/4711", 1);
    expect_error("dir", "*/run/user/4711/delvegate: /run/user is emptied at logout*");
}

/* The last component of what is taken may be no link; one above may, but not to where all is gone at logout. */
static void test_run_user_by_link(void **state)
{
    (void)state;
    if (mkdir("/run/user", 0755) < 0 && errno != EEXIST)
        skip();
    char made[] = "/run/user/delvegate-test.XXXXXX";
    if (!mkdtemp(made))
        skip();
    assert_int_equal(symlink(made, at("home/.cache")), 0);
    int r = directory_instance("name", dir, &why);
    assert_int_equal(directory_remove(made), 0);
    assert_int_equal(r, 0);
    assert_string_equal(dir, at("home/.delvegate/name"));
}

static void test_shared(void **state)
{
    (void)state;
    assert_int_equal(mkdir(at("home/.cache"), 0755), 0);
    assert_int_equal(mkdir(at("home/.cache/delvegate"), 0700), 0);
    assert_int_equal(chmod(at("home/.cache/delvegate"), 0777), 0);
    assert_int_equal(symlink("/", at("home/.delvegate")), 0);
    expect_dir(at("%s/name", tmp_base("tmp") + strlen(root) + 1));
    assert_int_equal(rmdir(tmp_base("tmp")), 0);
    assert_int_equal(mkdir(at("real"), 0700), 0);
    assert_int_equal(symlink(at("real"), tmp_base("tmp")), 0);
    expect_error("dir", "*.cache/delvegate: not a directory that only this user can access (mode 0700); */.delvegate: "
                        "not a directory*/delvegate-*: not a directory that only this user can access*");
}

static void test_of_another_user(void **state)
{
    (void)state;
    if (getuid() != 0)
        skip();
    setenv("HOME", "", 1);
    assert_int_equal(mkdir(tmp_base("tmp"), 0700), 0);
    assert_int_equal(chown(tmp_base("tmp"), NOBODY, NOBODY), 0);
    expect_error("dir", "*/delvegate-0: not a directory that only this user can access*");
}

/* Others could put theirs in its place. */
static void test_open_above(void **state)
{
    (void)state;
    unsetenv("HOME");
    assert_int_equal(chmod(at("tmp"), 0777), 0);
    expect_error("dir", "*/delvegate-*: others could replace it*");
    assert_int_equal(chmod(at("tmp"), 01777), 0);
    expect_dir(at("%s/name", tmp_base("tmp") + strlen(root) + 1));
}

static void test_none(void **state)
{
    (void)state;
    make_file(at("home/.cache"), "");
    assert_int_equal(symlink("/nonexistent", at("home/.delvegate")), 0);
    make_file(at("file"), "");
    setenv("TMPDIR", at("file/there"), 1);
    expect_error("dir",
                 "no run directory could be created (*/home/.cache/delvegate: Not a directory; */home/.delvegate: "
                 "*/file/there/delvegate-*: *); make one of these usable on the Go machine");
}

static void test_names(void **state)
{
    static const char *const bad[] = {"", "../../evil", "a/b", "a.b", "a b"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(directory_instance(bad[i], dir, &why), -1);
        assert_string_equal(why.kind, "parameter");
    }
    assert_false(is_there(at("home/.cache")));
}

/* A socket's path has 107 bytes at most. */
static void test_long_path(void **state)
{
    char part[100];
    (void)state;
    memset(part, 'x', sizeof part - 1);
    part[sizeof part - 1] = '\0';
    setenv("XDG_CACHE_HOME", at("%s", part), 1);
    expect_dir(at("home/.delvegate/name"));
    assert_false(is_there(at("%s", part)));
    setenv("HOME", at("%s", part), 1);
    setenv("TMPDIR", at("%s", part), 1);
    expect_error("dir", "*: its path is too long for a socket*");
}

/* --- one that is there --- */

static void test_taken(void **state)
{
    (void)state;
    assert_int_equal(directory_instance("name", dir, &why), 0);
    make_file(at("home/.cache/delvegate/name/kept"), "");
    assert_int_equal(directory_instance("name", dir, &why), 0);
    assert_true(is_there(at("home/.cache/delvegate/name/kept")));
    assert_int_equal(chmod(at("home/.cache/delvegate/name"), 0755), 0);
    expect_dir(at("home/.delvegate/name"));
}

/* Where a supervisor lives is where it is found, also when another base would be taken by now. */
static void test_inhabited(void **state)
{
    (void)state;
    char path[SUPERVISOR_PATH_MAX];
    assert_int_equal(mkdir(at("home/.delvegate"), 0700), 0);
    assert_int_equal(directory_make(at("home/.delvegate"), "name", path), 0);
    expect_dir(at("home/.cache/delvegate/name"));
    assert_int_equal(process_write(at("home/.delvegate/name/supervisor"), getpid()), 0);
    assert_int_equal(directory_instance("name", dir, &why), 0);
    assert_string_equal(dir, at("home/.delvegate/name"));
    assert_int_equal(file_write(at("home/.delvegate/name/supervisor"), "1 1\n"), 0);
    expect_dir(at("home/.cache/delvegate/name"));
}

struct bases {
    char text[4 * SUPERVISOR_PATH_MAX];
};
static void collect(void *arg, const char *base)
{
    struct bases *b = arg;
    size_t len = strlen(b->text);
    (void)snprintf(b->text + len, sizeof b->text - len, "%s\n", base);
}

static void test_bases(void **state)
{
    (void)state;
    struct bases b = {0}, expected = {0};
    setenv("XDG_CACHE_HOME", at("cache"), 1);
    directory_bases(collect, &b);
    assert_string_equal(b.text, "");
    const char *const made[] = {at("cache"), at("cache/delvegate"), at("home/.cache"), at("home/.cache/delvegate")};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        assert_int_equal(mkdir(made[i], 0700), 0);
    assert_int_equal(symlink("/", at("home/.delvegate")), 0);
    assert_int_equal(mkdir(tmp_base("tmp"), 0700), 0);
    collect(&expected, at("cache/delvegate"));
    collect(&expected, at("home/.cache/delvegate"));
    collect(&expected, tmp_base("tmp"));
    directory_bases(collect, &b);
    assert_string_equal(b.text, expected.text);
}

/* --- small mounts, in a namespace of the test's own --- */

static bool mount_here(const char *path, const char *options, unsigned long flags)
{
    return mkdir(path, 0755) == 0 && mount("tmpfs", path, "tmpfs", flags, options) == 0;
}

/* Runs it in a child with mounts of its own; skipped where this user may not. */
static void apart(void (*test)(void))
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
            _exit(SKIPPED_STATUS);
        test();
        _exit(EXPECTED_STATUS);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED_STATUS)
        skip();
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EXPECTED_STATUS);
}

/* In the child, where an assertion would go on with the other tests. */
static void must(bool is_so, const char *what)
{
    if (is_so)
        return;
    (void)fprintf(stderr, "not so: %s; %s: %s\n", what, why.kind ? why.kind : "-", why.text);
    _exit(1);
}

static void disk_full(void)
{
    must(mount_here(at("full"), "size=16k,mode=755", 0), "mounted");
    setenv("HOME", at("full"), 1);
    setenv("TMPDIR", at("full"), 1);
    must(directory_instance("name", dir, &why) < 0, "refused");
    must(strcmp(why.kind, "disk") == 0, "the disk");
    must(fnmatch("the disk is full, no run directory could be created (*/full/.cache/delvegate: No space left on "
                 "device; *); "
                 "free some space on the Go machine",
                 why.text, 0) == 0,
         "the words");
    must(!is_there(at("full/.cache/delvegate/name")), "nothing is left");
    setenv("TMPDIR", at("tmp"), 1);
    must(directory_instance("name", dir, &why) == 0 && strstr(dir, "/tmp/delvegate-"), "the next place");
}
static void test_disk_full(void **state)
{
    (void)state;
    apart(disk_full);
}

static void noexec(void)
{
    must(mount_here(at("noexec"), "size=1m,mode=755", MS_NOEXEC), "mounted");
    setenv("HOME", at("noexec"), 1);
    must(directory_instance("name", dir, &why) == 0 && strstr(dir, "/tmp/delvegate-"), "the next place");
    setenv("TMPDIR", at("noexec"), 1);
    must(directory_instance("name", dir, &why) < 0 && strcmp(why.kind, "dir") == 0, "refused");
    must(strstr(why.text, "/.cache/delvegate: programs in it cannot be run (mounted noexec?); "), "the words");
}
static void test_noexec(void **state)
{
    (void)state;
    apart(noexec);
}

static void read_only(void)
{
    must(mount_here(at("ro"), "size=1m,mode=755", MS_RDONLY), "mounted");
    setenv("HOME", at("ro"), 1);
    must(directory_instance("name", dir, &why) == 0 && strstr(dir, "/tmp/delvegate-"), "the next place");
}
static void test_read_only(void **state)
{
    (void)state;
    apart(read_only);
}

/* A file system without sockets. */
static void no_sockets(void)
{
    must(mkdir(at("fat"), 0755) == 0, "made");
    int r = -1;
    if (system("command -v mkfs.vfat >/dev/null && command -v losetup >/dev/null") == 0) {
        char command[2 * SUPERVISOR_PATH_MAX];
        (void)snprintf(command, sizeof command,
                       "truncate -s 1M '%s/image' && mkfs.vfat '%s/image' >/dev/null 2>&1 && mount -o "
                       "loop,fmask=077,dmask=077 '%s/image' '%s/fat' 2>/dev/null",
                       root, root, root, root);
        r = system(command);
    }
    if (r != 0)
        _exit(SKIPPED_STATUS);
    setenv("HOME", at("fat"), 1);
    must(directory_instance("name", dir, &why) == 0 && strstr(dir, "/tmp/delvegate-"), "the next place");
    setenv("TMPDIR", at("fat"), 1);
    must(directory_instance("name", dir, &why) < 0 && strstr(why.text, ": sockets in it cannot be created: "),
         "the words");
}
static void test_no_sockets(void **state)
{
    (void)state;
    apart(no_sockets);
}

/* Where none is permitted. */
static void sockets_refused(void)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_bind, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = sizeof steps / sizeof *steps, .filter = steps};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        _exit(SKIPPED_STATUS);
    must(directory_instance("name", dir, &why) < 0 && strcmp(why.kind, "dir") == 0, "refused");
    must(strstr(why.text, "/.cache/delvegate: sockets in it cannot be created: Operation not permitted; "),
         "the words");
    must(!is_there(at("home/.cache/delvegate/name")), "nothing is left");
}
static void test_sockets_refused(void **state)
{
    (void)state;
    apart(sockets_refused);
}

/* Several that start at the same moment take the same directory, and leave nothing of their tries. */
static void test_at_once(void **state)
{
    enum { ALL = 16 };
    pid_t pids[ALL];
    int go[2];
    char byte = 0;
    (void)state;
    assert_int_equal(pipe(go), 0);
    for (int i = 0; i < ALL; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            close(go[1]);
            must(read(go[0], &byte, 1) == 0, "begun");
            must(directory_instance("name", dir, &why) == 0, "made");
            must(strcmp(dir, at("home/.cache/delvegate/name")) == 0, "the same");
            _exit(EXPECTED_STATUS);
        }
    }
    close(go[0]);
    close(go[1]);
    for (int i = 0; i < ALL; i++) {
        int status = 0;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), EXPECTED_STATUS);
    }
    expect_dir(at("home/.cache/delvegate/name"));
}

/* --- removing, writing, reading --- */

static void test_erase(void **state)
{
    (void)state;
    assert_int_equal(mkdir(at("t"), 0700), 0);
    assert_int_equal(mkdir(at("t/mod"), 0700), 0);
    assert_int_equal(mkdir(at("t/mod/deep"), 0700), 0);
    make_file(at("t/mod/deep/file"), "x");
    make_file(at("outside"), "x");
    assert_int_equal(symlink(at("home"), at("t/link")), 0);
    assert_int_equal(symlink(at("outside"), at("t/mod/link")), 0);
    assert_int_equal(mkfifo(at("t/fifo"), 0600), 0);
    assert_int_equal(chmod(at("t/mod/deep"), 0500), 0);
    assert_int_equal(chmod(at("t/mod"), 0), 0);
    assert_int_equal(directory_remove(at("t")), 0);
    assert_false(is_there(at("t")));
    assert_true(is_there(at("home")) && is_there(at("outside")));
    assert_int_equal(directory_remove(at("t")), 0);
}

/* What a module cache looks like to a user that is not root. */
static void test_erase_as_user(void **state)
{
    (void)state;
    if (getuid() != 0)
        skip(); /* test_erase is it */
    int status = 0;
    assert_int_equal(mkdir(at("theirs"), 0700), 0);
    assert_int_equal(mkdir(at("theirs/t"), 0700), 0);
    assert_int_equal(mkdir(at("theirs/t/mod"), 0700), 0);
    make_file(at("theirs/t/mod/file"), "x");
    const char *const all[] = {at("theirs/t/mod/file"), at("theirs/t/mod"), at("theirs/t"), at("theirs")};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        assert_int_equal(chown(all[i], NOBODY, NOBODY), 0);
    assert_int_equal(chmod(at("theirs/t/mod"), 0500), 0);
    assert_int_equal(chmod(root, 0755), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
            _exit(1);
        must(directory_remove(at("theirs/t")) == 0, "erased");
        _exit(EXPECTED_STATUS);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), EXPECTED_STATUS);
    assert_false(is_there(at("theirs/t")));
}

static void erase_mounted(void)
{
    must(mkdir(at("t"), 0755) == 0 && mount_here(at("t/mnt"), "size=1m", 0), "mounted");
    make_file(at("t/mnt/theirs"), "x");
    must(directory_remove(at("t")) < 0 && errno == EBUSY, "refused");
    must(is_there(at("t/mnt/theirs")), "untouched");
}
static void test_erase_mounted(void **state)
{
    (void)state;
    apart(erase_mounted);
}

static void test_files(void **state)
{
    char text[16];
    (void)state;
    assert_int_equal(file_write(at("f"), "old"), 0);
    assert_int_equal(file_write(at("f"), "fifteen bytes.."), 0);
    assert_int_equal(mode_of(at("f")), 0600);
    assert_int_equal(file_read(at("f"), text, sizeof text), 0);
    assert_string_equal(text, "fifteen bytes..");
    assert_int_equal(file_read(at("f"), text, sizeof text - 1), -1);
    assert_int_equal(errno, EFBIG);
    assert_int_equal(file_read(at("none"), text, sizeof text), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(file_write(at("none/f"), "x"), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(mkdir(at("d"), 0700), 0);
    assert_int_equal(file_write(at("d"), "x"), -1);
    assert_int_equal(directory_remove(at("f")), 0);
    assert_int_equal(directory_remove(at("d")), 0);
}

static void test_process(void **state)
{
    struct process p;
    pid_t pid = 0;
    unsigned long long start = 0;
    int status = 0;
    (void)state;
    assert_int_equal(process_read(getpid(), &p), 0);
    assert_int_equal(p.parent, getppid());
    assert_int_equal(p.session, getsid(0));
    assert_true(process_lives(getpid(), p.start));
    assert_false(process_lives(getpid(), p.start + 1));
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(process_read(child, &p), 0);
    assert_int_equal(p.state, 'Z');
    assert_false(process_lives(child, p.start));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(process_read(child, &p), -1);
    assert_int_equal(process_write(at("p"), getpid()), 0);
    assert_int_equal(process_read_file(at("p"), &pid, &start), 0);
    assert_int_equal(pid, getpid());
    assert_true(process_lives(pid, start));
    assert_int_equal(process_write(at("p"), child), -1);
    assert_int_equal(file_write(at("p"), "nonsense"), 0);
    assert_int_equal(process_read_file(at("p"), &pid, &start), -1);
}

static void *sleep_on(void *arg)
{
    for (;;)
        (void)pause();
    return arg;
}

/* One whose first thread has ended lives while another does. */
static void test_first_thread_ended(void **state)
{
    struct process p = {.state = 'R'};
    int status = 0;
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, sleep_on, NULL) != 0)
            _exit(EXIT_FAILURE);
        (void)syscall(SYS_exit, EXIT_SUCCESS);
    }
    while (p.state != 'Z') {
        assert_int_equal(process_read(child, &p), 0);
        (void)sched_yield();
    }
    bool lives = process_lives(child, p.start);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(lives);
    assert_false(process_lives(child, p.start));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_home),
        TEST(test_cache_home),
        TEST(test_no_home),
        TEST(test_run_user),
        TEST(test_run_user_by_link),
        TEST(test_shared),
        TEST(test_of_another_user),
        TEST(test_open_above),
        TEST(test_none),
        TEST(test_names),
        TEST(test_long_path),
        TEST(test_taken),
        TEST(test_inhabited),
        TEST(test_bases),
        TEST(test_disk_full),
        TEST(test_noexec),
        TEST(test_read_only),
        TEST(test_no_sockets),
        TEST(test_sockets_refused),
        TEST(test_at_once),
        TEST(test_erase),
        TEST(test_erase_as_user),
        TEST(test_erase_mounted),
        TEST(test_files),
        TEST(test_process),
        TEST(test_first_thread_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
