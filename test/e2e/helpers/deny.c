/* Runs a command behind a seccomp filter that forbids what a container's may: ptrace, and the personality that switches
 * address randomisation off. What it is told decides the error:
 *   deny EPERM|ENOSYS COMMAND [ARGUMENT...] */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NO_RANDOMISATION = 0x0040000, EXIT_USAGE = 2, EXIT_NOT_RUN = 127 };

static int install(unsigned error)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_personality, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NO_RANDOMISATION, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {.len = sizeof program / sizeof *program, .filter = program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0);
}

int main(int argc, char **argv)
{
    int error = argc < 3 ? 0 : strcmp(argv[1], "EPERM") == 0 ? EPERM : strcmp(argv[1], "ENOSYS") == 0 ? ENOSYS : 0;
    if (error == 0) {
        (void)fputs("usage: deny EPERM|ENOSYS COMMAND [ARGUMENT...]\n", stderr);
        return EXIT_USAGE;
    }
    if (install((unsigned)error) < 0) {
        perror("deny: seccomp");
        return EXIT_NOT_RUN;
    }
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    return EXIT_NOT_RUN;
}
