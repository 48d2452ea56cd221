#include "delve/rpc.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { DECIMAL = 10 };

int delve_rpc_state(struct buf *out, int id)
{
    return buf_printf(out, "{\"method\":\"RPCServer.State\",\"params\":[{\"NonBlocking\":true}],\"id\":%d}\n", id);
}

int delve_rpc_get_version(struct buf *out, int id)
{
    return buf_printf(out, "{\"method\":\"RPCServer.GetVersion\",\"params\":[{}],\"id\":%d}\n", id);
}

/* Delve ends each answer with a newline (Go's json.Encoder), and none holds one inside. */
int delve_rpc_answer(const char *text, size_t len, size_t *used, int *id)
{
    const char *end = len ? memchr(text, '\n', len) : NULL;
    if (!end)
        return 0;
    json_t *answer = json_loadb(text, (size_t)(end - text), 0, NULL);
    if (!json_is_object(answer)) {
        json_decref(answer);
        return -1;
    }
    const json_t *number = json_object_get(answer, "id");
    json_int_t n = json_is_integer(number) ? json_integer_value(number) : -1;
    *id = n < 0 || n > INT_MAX ? -1 : (int)n;
    *used = (size_t)(end - text) + 1;
    json_decref(answer);
    return 1;
}

int delve_exit_status_in(const char *text, int *status)
{
    static const char words[] = "has exited with status ";
    for (const char *at = strstr(text, words); at; at = strstr(at, words)) {
        at += sizeof words - 1;
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
    json_t *answer = json_loadb(text, len, JSON_DISABLE_EOF_CHECK, NULL);
    if (!answer)
        return -1;
    const char *error = json_string_value(json_object_get(answer, "error"));
    const json_t *state = json_object_get(json_object_get(answer, "result"), "State");
    int exited = error ? delve_exit_status_in(error, status) : 0;
    if (!exited && json_is_true(json_object_get(state, "exited"))) {
        *status = (int)json_integer_value(json_object_get(state, "exitStatus"));
        exited = 1;
    }
    json_decref(answer);
    return exited;
}
