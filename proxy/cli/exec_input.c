#include "proxy/cli/exec_input.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "proxy/base/fd_reader.h"
#include "proxy/cli/one_shot.h"

struct exec_input {
    struct fd_reader *reader; /* NULL: its end was reached */
    struct keeper *keeper;
};

bool exec_input_is_null(int fd)
{
    struct stat given, null;
    return fstat(fd, &given) == 0 && stat("/dev/null", &null) == 0 && S_ISCHR(given.st_mode) &&
           given.st_rdev == null.st_rdev;
}

static void on_data(void *arg, const char *data, size_t len, int error)
{
    struct exec_input *in = arg;
    if (len > 0) {
        if (!keeper_input(in->keeper, data, len))
            fd_reader_next(in->reader);
        return;
    }
    if (error)
        one_shot_report("cannot read standard input: %s; the command's input ends", uv_strerror(error));
    fd_reader_free(in->reader);
    in->reader = NULL;
    keeper_input_end(in->keeper);
}

static const struct fd_reader_handler events = {.data = on_data};

struct exec_input *exec_input_new(uv_loop_t *loop, int fd, struct keeper *k)
{
    struct exec_input *in = calloc(1, sizeof *in);
    if (!in)
        return NULL;
    in->keeper = k;
    in->reader = fd_reader_new(loop, fd, &events, in);
    if (in->reader)
        return in;
    free(in);
    return NULL;
}

void exec_input_resume(struct exec_input *in)
{
    if (in && in->reader)
        fd_reader_next(in->reader);
}

void exec_input_free(struct exec_input *in)
{
    if (!in)
        return;
    fd_reader_free(in->reader);
    free(in);
}
