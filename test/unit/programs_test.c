/* Which supervisor is for which machine, and where this machine's own is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/machine/programs.h"

/* A build of the test's own. */
static const unsigned char own[] = "the machine's own", other[] = "another's";
#define OF_OTHERS(arch)                                                                                                \
    {                                                                                                                  \
        arch, "0123456789abcdef", other, sizeof other - 1, 1                                                           \
    }
const struct bootstrap_program programs_own = {"riscv64", "fedcba9876543210", own, sizeof own - 1, 2};
const struct bootstrap_program programs_table[] = {OF_OTHERS("x86_64"), OF_OTHERS("aarch64")};
const size_t programs_count = sizeof programs_table / sizeof *programs_table;

static char dir[] = "/tmp/programs_test.XXXXXX";

static const char *below(const char *name)
{
    static char path[PROGRAMS_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void put(const char *name, const char *text, mode_t mode)
{
    FILE *f = fopen(below(name), "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(below(name), mode), 0);
}

static int begin(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    return mkdir(below("bin"), 0700) | mkdir(below("libexec"), 0700) | mkdir(below("libexec/delvegate"), 0700);
}

static int finish(void **state)
{
    (void)state;
    (void)unlink(below("bin/supervisor"));
    (void)unlink(below("libexec/delvegate/supervisor"));
    return rmdir(below("bin")) | rmdir(below("libexec/delvegate")) | rmdir(below("libexec")) | rmdir(dir);
}

static void by_architecture(void **state)
{
    (void)state;
    assert_ptr_equal(programs_find("x86_64"), &programs_table[0]);
    assert_ptr_equal(programs_find("amd64"), &programs_table[0]);
    assert_ptr_equal(programs_find("arm64"), &programs_table[1]);
    assert_null(programs_find("i686"));
    assert_null(programs_find("x86"));
    assert_null(programs_find(""));
    assert_null(programs_find("riscv64")); /* it needs the libc of this machine */
}

static void missing(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(programs_missing("ppc64le", &err), -1);
    assert_non_null(strstr(err.text, "architecture ppc64le"));
    assert_non_null(strstr(err.text, "make SUPERVISORS=\"riscv64 x86_64 aarch64 ppc64le\""));
    assert_int_equal(programs_missing("riscv64", &err), -1);
    assert_non_null(strstr(err.text, "riscv64"));
    assert_non_null(strstr(err.text, "musl-tools"));
}

/* In the order in which it is looked for. */
static void local(void **state)
{
    (void)state;
    char bin[PROGRAMS_PATH_MAX], path[PROGRAMS_PATH_MAX];
    struct err err;
    (void)snprintf(bin, sizeof bin, "%s", below("bin"));

    assert_int_equal(programs_local_from(bin, path, sizeof path, &err), -1);
    assert_non_null(strstr(err.text, below("libexec/delvegate/supervisor")));
    assert_non_null(strstr(err.text, "No such file"));
    assert_non_null(strstr(err.text, "make install"));

    put("libexec/delvegate/supervisor", "as installed", 0644);
    assert_int_equal(programs_local_from(bin, path, sizeof path, &err), -1);
    put("libexec/delvegate/supervisor", "as installed", 0755);
    assert_int_equal(programs_local_from(bin, path, sizeof path, &err), 0);
    assert_string_equal(path, below("libexec/delvegate/supervisor"));

    put("bin/supervisor", "somebody's program of that name", 0755);
    assert_int_equal(programs_local_from(bin, path, sizeof path, &err), 0);
    assert_string_equal(path, below("libexec/delvegate/supervisor"));
    put("bin/supervisor", "the machine's own, and more", 0755);
    assert_int_equal(programs_local_from(bin, path, sizeof path, &err), 0);
    assert_string_equal(path, below("libexec/delvegate/supervisor"));
    put("bin/supervisor", "the machine's", 0755);
    assert_int_equal(programs_local_from(bin, path, sizeof path, &err), 0);
    assert_string_equal(path, below("libexec/delvegate/supervisor"));
    put("bin/supervisor", (const char *)own, 0755);
    assert_int_equal(programs_local_from(bin, path, sizeof path, &err), 0);
    assert_string_equal(path, below("bin/supervisor"));
}

/* What is in ../libexec is then another delvegate's. */
static void elsewhere(void **state)
{
    (void)state;
    char bin[PROGRAMS_PATH_MAX], link[PROGRAMS_PATH_MAX], path[PROGRAMS_PATH_MAX];
    struct err err;
    (void)snprintf(bin, sizeof bin, "%s", below("bin"));
    (void)snprintf(link, sizeof link, "%s", below("bin/delvegate-supervisor"));
    (void)unlink(below("bin/supervisor"));

    assert_int_equal(symlink(below("elsewhere"), link), 0);
    assert_int_equal(programs_local_from(bin, path, sizeof path, &err), 0);
    assert_string_equal(path, below("libexec/delvegate/supervisor"));
    put("elsewhere", "as installed", 0755);
    assert_int_equal(programs_local_from(bin, path, sizeof path, &err), 0);
    assert_string_equal(path, link);
    assert_int_equal(unlink(below("elsewhere")), 0);
    assert_int_equal(unlink(link), 0);
}

static void of_another_build(void **state)
{
    (void)state;
    char bin[PROGRAMS_PATH_MAX], path[PROGRAMS_PATH_MAX];
    struct err err;
    (void)snprintf(bin, sizeof bin, "%s", below("bin"));
    (void)unlink(below("libexec/delvegate/supervisor"));
    put("bin/supervisor", "a newer one", 0755);
    assert_int_equal(programs_local_from(bin, path, sizeof path, &err), -1);
    assert_non_null(strstr(err.text, "another build"));
    assert_int_equal(programs_local_from(bin, path, strlen(bin) + 1, &err), -1);
    assert_non_null(strstr(err.text, "too long"));
}

static void printed(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, ERR_TEXT_MAX * 2);
    programs_print(&text);
    assert_false(text.failed);
    assert_non_null(strstr(text.data, "supervisor for x86_64: 0123456789ab, 1 KiB\n"));
    assert_non_null(strstr(text.data, "supervisor for riscv64: fedcba987654, 1 KiB, for this machine only\n"));
    assert_non_null(strstr(text.data, "supervisor here: "));
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_architecture), cmocka_unit_test(missing),          cmocka_unit_test(local),
        cmocka_unit_test(elsewhere),       cmocka_unit_test(of_another_build), cmocka_unit_test(printed),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}
