#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "proxy/supervisor/cleanup.h"
#include "proxy/supervisor/directory.h"
#include "proxy/supervisor/door.h"
#include "proxy/supervisor/supervise.h"
#include "proxy/supervisor/warden.h"

enum { EXIT_USAGE = 2, NAME_MAX_SIZE = 64, CLIENT = 2, NONCE = 3, DIR = 2 };

static int local_main(void)
{
    static struct directory_error why;
    char name[NAME_MAX_SIZE];
    char dir[SUPERVISOR_PATH_MAX];
    (void)snprintf(name, sizeof name, "local-%ld", (long)getpid());
    if (directory_instance(name, dir, &why) < 0) {
        (void)fprintf(stderr, "%s\n", why.text);
        return EXIT_FAILURE;
    }
    struct supervise how = {.dir = dir, .local = true};
    return warden_run(dir, supervise_work, &how);
}

static int serve_main(const char *dir)
{
    struct supervise how = {.dir = dir};
    return door_take_socket() < 0 ? EXIT_FAILURE : warden_run(dir, supervise_work, &how);
}

static void print_line(void *arg, const char *text)
{
    (void)arg;
    (void)puts(text);
}

static int sweep_main(void)
{
    cleanup_others(NULL, print_line, NULL);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int version_main(void)
{
    struct utsname machine = {0};
    (void)uname(&machine);
    (void)printf("%s %s\n", supervise_build(), machine.machine);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    const char *role = argc > 1 ? argv[1] : "";
    if (strcmp(role, "local") == 0)
        return local_main();
    if (strcmp(role, "serve") == 0 && argc > DIR)
        return serve_main(argv[DIR]);
    if (strcmp(role, "sweep") == 0)
        return sweep_main();
    if (strcmp(role, "version") == 0)
        return version_main();
    if (strcmp(role, "door") == 0 && argc > NONCE)
        return door_main(argv[CLIENT], argv[NONCE]);
    (void)fprintf(stderr, "usage: %s local | door CLIENT NONCE | serve DIR | sweep | version\n", argv[0]);
    return EXIT_USAGE;
}
