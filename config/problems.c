#include "config/problems.h"

#include <stdlib.h>
#include <string.h>

#include "dap/utf8.h"

enum { C1_END = 0xa0, UTF8_C1_LEAD = 0xc2, DELETE = 0x7f };

int config_problems_add(struct config_problems *problems, int line, int column, char *text)
{
    struct config_problem *list = NULL;
    if (text)
        list = realloc(problems->list, (problems->count + 1) * sizeof(*list));
    if (!list) {
        free(text);
        return -1;
    }
    list[problems->count++] = (struct config_problem){.line = line, .column = column, .text = text};
    problems->list = list;
    return 0;
}

static int problem_order(const void *a, const void *b)
{
    const struct config_problem *x = a, *y = b;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    if (x->column != y->column)
        return x->column < y->column ? -1 : 1;
    return strcmp(x->text, y->text);
}

void config_problems_sort(struct config_problems *problems)
{
    if (problems->count > 1)
        qsort(problems->list, problems->count, sizeof(*problems->list), problem_order);
}

void config_problems_free(struct config_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++)
        free(problems->list[i].text);
    free(problems->list);
    *problems = (struct config_problems){0};
}

void config_quote(struct buf *out, const char *s)
{
    size_t len = strlen(s), i = 0;
    buf_puts(out, "\"");
    while (i < len && i < CONFIG_QUOTE_MAX) {
        unsigned char c = (unsigned char)s[i];
        size_t n = dap_utf8_sequence(s + i, len - i);
        bool c1 = n == 2 && c == UTF8_C1_LEAD && (unsigned char)s[i + 1] < C1_END;
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (n == 0 || c < ' ' || c == DELETE)
            buf_printf(out, "\\u%04x", (unsigned)c);
        else if (c1)
            buf_printf(out, "\\u%04x", (unsigned)(unsigned char)s[i + 1]);
        else
            buf_append(out, s + i, n);
        i += n ? n : 1;
    }
    buf_puts(out, i < len ? "...\"" : "\"");
}
