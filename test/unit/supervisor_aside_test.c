/* What a remedy moves aside comes back, wherever it, go, or who puts it back was killed, or its record cut. */
#include "test/unit/remedy_world.h"

#include <sched.h>
#include <sys/ptrace.h>
#include <time.h>

#include "proxy/supervisor/process.h"

enum { PIECES = 6, KILLS = 10, ROUNDS_MAX = 20000, SPREAD = 97, WAIT_SECONDS = 60 };

static const char *const kinds[PIECES] = {"tree", "partial", "ziphash", "zip", "mod", "info"};
static char *was, *renewed; /* the cache before, and with what came instead */

/* --- a small cache --- */

static const char *path_of(size_t i)
{
    return i == 0 ? AT("cache/x@v1") : AT("cache/cache/download/x/@v/v1.%s", kinds[i]);
}

static void fill(const char *text, bool has_all)
{
    put_text(AT("cache/x@v1/sub/a.go"), text);
    put_text(AT("cache/x@v1/go.mod"), text);
    for (size_t i = 1; i < PIECES; i++)
        if (has_all || i > 2)
            put_text(path_of(i), text);
    assert_int_equal(chmod(AT("cache/x@v1/sub"), 0555), 0);
    assert_int_equal(chmod(AT("cache/x@v1"), 0555), 0);
}
static void make_cache(void)
{
    assert_int_equal(directory_remove(AT("cache")), 0);
    assert_int_equal(directory_remove(AT("s")), 0);
    make_dirs(AT("s"));
    put_text(AT("cache/other@v1/a.go"), "kept");
    put_text(AT("cache/cache/download/x/@v/v1.lock"), "");
    fill("damaged", false);
}

static int move_all(void)
{
    struct remedy_aside list[PIECES];
    for (size_t i = 0; i < PIECES; i++)
        list[i] = (struct remedy_aside){kinds[i], path_of(i)};
    return remedy_aside(AT("s"), AT("cache"), list, PIECES);
}
static int swap_all(void)
{
    if (move_all() < 0)
        return 1;
    fill("good", true);
    return remedy_aside_done(AT("s")) < 0 || remedy_restore(AT("s")) < 0;
}
static int restore_all(void)
{
    return remedy_restore(AT("s")) < 0;
}

static int make_small(void **state)
{
    (void)state;
    (void)snprintf(world, sizeof world, "/tmp/aside.XXXXXX");
    assert_non_null(mkdtemp(world));
    make_cache();
    was = content(AT("cache"));
    assert_int_equal(swap_all(), 0);
    renewed = content(AT("cache"));
    make_cache();
    return 0;
}
static int end_small(void **state)
{
    (void)state;
    free(was);
    free(renewed);
    return directory_remove(world);
}

/* Runs it and kills it at its system call number `steps`, before or after (odd and even). Returns whether it came to
 * its end before. */
static bool run_steps(int (*work)(void), unsigned steps)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) != 0)
            _exit(126);
        _exit(work());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSTOPPED(status));
    while (WIFSTOPPED(status) && steps-- > 0) {
        assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
    }
    if (!WIFSTOPPED(status)) {
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        return true;
    }
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(wait_for(pid), SUPERVISOR_SIGNAL_STATUS + SIGKILL);
    return false;
}

static void assert_cache(const char *wanted)
{
    assert_int_equal(remedy_restore(AT("s")), 0);
    assert_same(content(AT("cache")), wanted);
    assert_false(remedy_exists(AT("s/aside")));
    assert_int_equal(remedy_restore(AT("s")), 0);
}

/* Killed at each of its system calls, and so is, somewhere, the first that puts back. */
static void test_killed_at_each_step(void **state)
{
    (void)state;
    bool is_over = false, was_put_back = false, was_done = false;
    for (unsigned steps = 1; !is_over && steps < ROUNDS_MAX; steps++) {
        make_cache();
        is_over = run_steps(swap_all, steps);
        bool has_record = remedy_exists(AT("s/aside"));
        bool is_done = has_record && file_has(AT("s/aside"), "done\n");
        char *now = content(AT("cache"));
        const char *wanted = is_done || (!has_record && strcmp(now, renewed) == 0) ? renewed : was;
        free(now);
        (void)run_steps(restore_all, steps * SPREAD % 150);
        assert_cache(wanted);
        was_put_back = was_put_back || (has_record && !is_done);
        was_done = was_done || is_done;
    }
    assert_true(is_over && was_put_back && was_done);
}

/* Putting back, killed at each of its system calls, and done again. */
static void put_back_killed(bool is_good)
{
    bool is_over = false;
    for (unsigned steps = 1; !is_over && steps < ROUNDS_MAX; steps++) {
        make_cache();
        assert_int_equal(move_all(), 0);
        fill("good", true);
        if (is_good)
            assert_int_equal(remedy_aside_done(AT("s")), 0);
        is_over = run_steps(restore_all, steps);
        assert_cache(is_good ? renewed : was);
    }
    assert_true(is_over);
}
static void test_putting_back_killed(void **state)
{
    (void)state;
    put_back_killed(false);
    put_back_killed(true);
}

/* Of a go that was ended in between, half of what it fetches may be there. */
static void test_half_fetched(void **state)
{
    (void)state;
    assert_int_equal(move_all(), 0);
    put_text(AT("cache/x@v1/half.go"), "half");
    put_text(path_of(1), "partial");
    assert_cache(was);
}

static void test_record_cut(void **state)
{
    (void)state;
    assert_int_equal(move_all(), 0);
    assert_int_equal(remedy_aside_done(AT("s")), 0);
    char *whole = read_file(AT("s/aside"));
    size_t len = strlen(whole), plan = len - strlen("done\n");
    make_cache();
    for (size_t n = 0; n < len; n++) { /* nothing was moved yet */
        put_file(AT("s/aside"), whole, n);
        assert_cache(was);
    }
    for (size_t n = plan; n < len; n++) {
        make_cache();
        assert_int_equal(move_all(), 0);
        fill("good", true);
        char *own = read_file(AT("s/aside"));
        put_file(AT("s/aside"), text_of("%s%.*s", own, (int)(n - plan), "done\n"), n);
        free(own);
        assert_cache(was);
    }
    free(whole);
}

/* A record that no longer says all, though things were moved: nothing is removed, and it is said. */
static void test_record_damaged(void **state)
{
    (void)state;
    assert_int_equal(move_all(), 0);
    char *own = read_file(AT("s/aside")), *now = content(AT("cache"));
    size_t len = strlen(own), first = (size_t)(strchr(strchr(own, '\n') + 1, '\n') + 1 - own);
    for (size_t n = first; n < len; n++) {
        put_file(AT("s/aside"), own, n);
        assert_int_equal(remedy_restore(AT("s")), -1);
        assert_same(content(AT("cache")), now);
        assert_true(remedy_exists(AT("s/aside")));
    }
    put_file(AT("s/aside"), own, len);
    free(own);
    free(now);
    assert_cache(was);
}

/* Bytes that a text would not survive. */
static void test_paths_are_bytes(void **state)
{
    (void)state;
    static const char odd[] = "cache/a b\n9 \\ \xff\xfe'\"";
    put_text(AT("%s", odd), "odd");
    struct remedy_aside list[] = {{"odd", AT("%s", odd)}};
    char *before = content(AT("cache"));
    assert_int_equal(remedy_aside(AT("s"), AT("cache"), list, 1), 0);
    assert_false(remedy_exists(AT("%s", odd)));
    put_text(AT("%s", odd), "new");
    assert_cache(before);
    free(before);
}

static void test_nothing_to_put_back(void **state)
{
    (void)state;
    assert_int_equal(remedy_restore(AT("s")), 0);
    assert_int_equal(remedy_restore(AT("nowhere")), 0);
    assert_int_equal(directory_remove(AT("cache")), 0);
    make_cache();
    assert_int_equal(move_all(), 0);
    assert_int_equal(directory_remove(AT("cache")), 0); /* by somebody who cleans */
    assert_int_equal(remedy_restore(AT("s")), 0);
}

/* --- with go --- */

static char *cache_was;

/* A go that hangs once the entry is aside. */
static const char *make_slow_go(void)
{
    make_dirs(AT("slow"));
    assert_int_equal(mkfifo(AT("hangs"), 0600), 0);
    put_text(AT("slow/go"),
             text_of("#!/bin/sh\n[ \"${GONOPROXY-}\" != none ] || { echo >'%s/hangs'; exec sleep 4711; }\n"
                     "PATH='%s' exec go \"$@\"\n",
                     world, getenv("PATH")));
    assert_int_equal(chmod(AT("slow/go"), 0755), 0);
    return text_of("PATH=%s/slow:%s", world, getenv("PATH"));
}

static bool has_aside(void)
{
    DIR *d = opendir(AT("mod/cache"));
    bool has = false;
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        has = has || strncmp(e->d_name, "delvegate-aside-", strlen("delvegate-aside-")) == 0;
    assert_int_equal(closedir(d), 0);
    return has;
}

/* A process that was killed may still finish a system call, also after its parent has ended. */
static int wait_for_all(pid_t pid)
{
    int status = wait_for(pid);
    (void)alarm(WAIT_SECONDS);
    while (process_sweep(pid, 0) > 0)
        (void)sched_yield();
    (void)alarm(0);
    return status;
}

static void end_by(int signal)
{
    char byte;
    pid_t pid = start_remedy("purge", "example.com/Lib", "v1.2.0");
    int fifo = open(AT("hangs"), O_RDWR | O_CLOEXEC); /* read blocks until go is there */
    (void)alarm(WAIT_SECONDS);
    assert_int_equal(read(fifo, &byte, 1), 1);
    (void)alarm(0);
    assert_true(has_aside());
    assert_false(remedy_exists(AT("mod/example.com/!lib@v1.2.0")));
    assert_int_equal(kill(-pid, signal), 0);
    assert_int_equal(wait_for_all(pid), SUPERVISOR_SIGNAL_STATUS + signal);
    assert_int_equal(close(fifo), 0);
    assert_int_equal(remedy_restore(AT("inst/1")), 0);
    assert_same(content(AT("mod")), cache_was);
    assert_false(has_aside());
}
static void test_purge_ended(void **state)
{
    (void)state;
    damage();
    cache_was = content(AT("mod"));
    how.env[0] = make_slow_go();
    end_by(SIGTERM);
    end_by(SIGKILL);
    free(cache_was);
}

/* Without what a go that is killed leaves of its own: temporary files, and a list of versions that it had emptied to
 * write it again from the files beside it (rewriteVersionList in cmd/go), as the next go does. */
static char *content_without_litter(void)
{
    char *all = content(AT("mod"));
    struct buf kept;
    buf_init(&kept, WORLD_MAX);
    for (char *line = all, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        if (!strstr(line, ".tmp") && !strstr(line, "/@v/list ")) {
            buf_printf(&kept, "%s\n", line);
            assert_false(kept.failed);
        }
    }
    free(all);
    return buf_take(&kept);
}

/* Killed together with go at some moment, over and over: the entry is as it was, or whole. */
static void test_purge_killed_anywhere(void **state)
{
    struct timespec begin, end;
    (void)state;
    char *whole = content_without_litter();
    damage();
    cache_was = content_without_litter();
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &begin), 0);
    assert_status(remedy_of("purge", "example.com/Lib", "v1.2.0"), REMEDY_DONE);
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &end), 0);
    long took = (end.tv_sec - begin.tv_sec) * 1000000 + (end.tv_nsec - begin.tv_nsec) / 1000;
    damage();
    for (int i = 0; i < KILLS; i++) {
        pid_t pid = start_remedy("purge", "example.com/Lib", "v1.2.0");
        (void)usleep((useconds_t)(took * (i + 1) / KILLS));
        (void)kill(-pid, SIGKILL);
        (void)kill(pid, SIGKILL); /* it may not have its session yet */
        (void)wait_for_all(pid);
        assert_int_equal(remedy_restore(AT("inst/1")), 0);
        assert_false(has_aside());
        char *now = content_without_litter();
        bool is_whole = strcmp(now, whole) == 0;
        assert_same(now, is_whole ? whole : cache_was);
        if (is_whole)
            damage();
    }
    free(whole);
    free(cache_was);
}

#define IN_SMALL(f) cmocka_unit_test_setup_teardown(f, make_small, end_small)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SMALL(test_killed_at_each_step), IN_SMALL(test_putting_back_killed), IN_SMALL(test_half_fetched),
        IN_SMALL(test_record_cut),          IN_SMALL(test_record_damaged),      IN_SMALL(test_paths_are_bytes),
        IN_SMALL(test_nothing_to_put_back), IN_WORLD(test_purge_ended),         IN_WORLD(test_purge_killed_anywhere),
    };
    return cmocka_run_group_tests_name("what remedies move aside", tests, NULL, NULL);
}
