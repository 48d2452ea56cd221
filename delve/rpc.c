#include "delve/rpc.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "dap/json_path.h"

enum { DECIMAL = 10, NO_ID = -1 };

void delve_rpc_state(struct buf *out, int id)
{
    buf_printf(out, "{\"method\":\"RPCServer.State\",\"params\":[{\"NonBlocking\":true}],\"id\":%d}\n", id);
}

void delve_rpc_get_version(struct buf *out, int id)
{
    buf_printf(out, "{\"method\":\"RPCServer.GetVersion\",\"params\":[{}],\"id\":%d}\n", id);
}

/* As dap_json_path_walk, over a whole text. */
static int walk(const char *text, size_t len, const char *const *steps, dap_json_path_found *found, void *arg)
{
    const struct dap_message whole = {.text = text, .payload_at = {.off = 0, .len = len}};
    return len == 0 ? -1 : dap_json_path_walk(&whole, steps, found, arg);
}

struct number {
    const char *text;
    int value;
};

static int read_number(void *arg, struct dap_json_token t)
{
    struct number *n = arg;
    int64_t value;
    if (t.kind == DAP_JSON_NUMBER && dap_json_integer(n->text, t.at, &value) == 0 && value >= INT_MIN &&
        value <= INT_MAX)
        n->value = (int)value;
    return 0;
}

static int read_true(void *arg, struct dap_json_token t)
{
    *(bool *)arg = t.kind == DAP_JSON_TRUE;
    return 0;
}

struct exit_error {
    const char *text;
    int *status;
    int found;
};

/* The text has nothing in it that JSON would escape. */
static int read_exit_error(void *arg, struct dap_json_token t)
{
    struct exit_error *w = arg;
    char *error = t.kind == DAP_JSON_STRING ? strndup(w->text + t.at.off, t.at.len) : NULL;
    if (error)
        w->found = delve_exit_status_in(error, w->status);
    free(error);
    return 0;
}

/* Delve ends each answer with a newline (Go's json.Encoder), and none holds one inside. */
int delve_rpc_answer(const char *text, size_t len, size_t *used, int *id)
{
    static const char *const steps[] = {"id", NULL};
    const char *end = len ? memchr(text, '\n', len) : NULL;
    struct number number = {.text = text, .value = NO_ID};
    if (!end)
        return 0;
    size_t line = (size_t)(end - text);
    if (text[0] != '{' || walk(text, line, steps, read_number, &number) < 0)
        return -1;
    *id = number.value < 0 ? NO_ID : number.value;
    *used = line + 1;
    return 1;
}

int delve_exit_status_in(const char *text, int *status)
{
    static const char exit_error[] = "has exited with status ";
    for (const char *at = strstr(text, exit_error); at; at = strstr(at, exit_error)) {
        at += sizeof exit_error - 1;
        size_t sign = *at == '-'; /* Delve's way to say that a signal ended it */
        if (at[sign] < '0' || at[sign] > '9')
            continue;
        errno = 0;
        long n = strtol(at, NULL, DECIMAL);
        if (errno || n < INT_MIN || n > INT_MAX)
            continue;
        *status = (int)n;
        return 1;
    }
    return 0;
}

int delve_rpc_exit_status(const char *text, size_t len, int *status)
{
    static const char *const error[] = {"error", NULL}, *const exited[] = {"result", "State", "exited", NULL},
                             *const code[] = {"result", "State", "exitStatus", NULL};
    int in_error = 0;
    struct exit_error exit_error = {.text = text, .status = &in_error};
    struct number number = {.text = text};
    bool has_exited = false;
    if (walk(text, len, error, read_exit_error, &exit_error) < 0 ||
        walk(text, len, exited, read_true, &has_exited) < 0 || walk(text, len, code, read_number, &number) < 0)
        return -1;
    if (!exit_error.found && !has_exited)
        return 0;
    *status = exit_error.found ? in_error : number.value;
    return 1;
}
