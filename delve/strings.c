#include "delve/strings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGS_MAX = 1024 * 1024 }; /* bytes of one list of arguments; Linux takes no longer argument than 128 KiB */

void delve_strings_free(struct delve_strings *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->list[i]);
    free(s->list);
    *s = (struct delve_strings){0};
}

/* Takes text over, also when it fails; NULL is a failure. */
static int add(struct delve_strings *s, char *text)
{
    char **list = text ? realloc(s->list, (s->count + 1) * sizeof *list) : NULL;
    if (!list) {
        free(text);
        return -1;
    }
    s->list = list;
    s->list[s->count++] = text;
    return 0;
}

int delve_strings_add(struct delve_strings *s, const char *text)
{
    return add(s, strdup(text));
}

int delve_strings_printf(struct delve_strings *s, const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    return n < 0 ? -1 : add(s, text);
}

void delve_strings_remove(struct delve_strings *s, size_t at)
{
    free(s->list[at]);
    s->count--;
    memmove(&s->list[at], &s->list[at + 1], (s->count - at) * sizeof *s->list);
}

int delve_note(struct delve_strings *notes, const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0)
        return -1;
    struct err cut;
    err_set(&cut, "%s", text);
    free(text);
    for (char *p = cut.text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7F)
            *p = '?';
    return delve_strings_add(notes, cut.text);
}

static int is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

int delve_args_split(struct delve_strings *args, const char *text, const char *quotes)
{
    struct buf arg;
    buf_init(&arg, ARGS_MAX);
    bool in_arg = false;
    char quote = '\0';
    int r = 0;
    for (const char *p = text; *p && r == 0 && !arg.failed; p++) {
        if (quote) {
            if (*p == quote) {
                quote = '\0';
                continue;
            }
            if (*p == '\\' && p[1])
                p++;
            buf_append(&arg, p, 1);
        } else if (strchr(quotes, *p)) {
            quote = *p;
            in_arg = true;
        } else if (!is_space(*p)) {
            in_arg = true;
            buf_append(&arg, p, 1);
        } else if (in_arg) {
            r = add(args, buf_take(&arg));
            in_arg = false;
        }
    }
    if (arg.failed)
        r = -1;
    if (r == 0 && in_arg)
        r = add(args, buf_take(&arg));
    buf_free(&arg);
    return r == 0 && quote ? 1 : r;
}

static bool needs_quotes(const char *arg)
{
    if (!*arg)
        return true;
    for (const char *p = arg; *p; p++)
        if (is_space(*p) || *p == '\'')
            return true;
    return false;
}

char *delve_args_join(const struct delve_strings *args)
{
    struct buf out;
    buf_init(&out, ARGS_MAX);
    for (size_t i = 0; i < args->count; i++) {
        const char *arg = args->list[i];
        if (i)
            buf_puts(&out, " ");
        if (!needs_quotes(arg)) {
            buf_puts(&out, arg);
            continue;
        }
        buf_puts(&out, "'");
        for (const char *p = arg; *p; p++) {
            if (*p == '\'' || *p == '\\')
                buf_puts(&out, "\\");
            buf_append(&out, p, 1);
        }
        buf_puts(&out, "'");
    }
    if (out.failed) {
        buf_free(&out);
        return NULL;
    }
    return buf_take(&out);
}
