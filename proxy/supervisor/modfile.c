#include "proxy/supervisor/modfile.h"

#include <stdbool.h>
#include <string.h>

#include "proxy/supervisor/remedy_parts.h"

/* --- tokens of a line --- */

static const char blanks[] = " \t\r\v\f";

static char *parenthesis(char c)
{
    static char open[] = "(", close[] = ")";
    return c == '(' ? open : c == ')' ? close : NULL;
}

/* Takes a line apart in place: tokens between blanks, each parenthesis by itself, what is between quotes whole. Returns
 * how many there are; those behind the last are "". */
static size_t take_tokens(char *line, char **tokens)
{
    static char none[] = "";
    size_t n = 0;
    for (size_t i = 0; i < MODFILE_TOKENS; i++)
        tokens[i] = none;
    for (char *at = line + strspn(line, blanks); n < MODFILE_TOKENS && *at && strncmp(at, "//", 2) != 0;
         at += strspn(at, blanks)) {
        bool is_quoted = *at == '"' || *at == '`';
        char *end = is_quoted ? strchr(at + 1, *at) : at + strcspn(at, " \t\r\v\f()");
        char *sign = end ? parenthesis(*end) : NULL;
        if (end != at)
            tokens[n++] = at + is_quoted;
        if (!end || !*end)
            break;
        *end = '\0';
        at = end + 1;
        if (sign && n < MODFILE_TOKENS)
            tokens[n++] = sign;
    }
    return n;
}

/* --- directives --- */

static void dispatch_replace(const struct modfile_handler *h, void *arg, char *const *tokens, size_t n)
{
    size_t arrow = 1;
    while (arrow < n && strcmp(tokens[arrow], "=>") != 0)
        arrow++;
    if (h->replace && (arrow == 1 || arrow == 2) && arrow + 1 < n)
        h->replace(arg, tokens[0], arrow == 2 ? tokens[1] : "", tokens[arrow + 1], tokens[arrow + 2]);
}

/* tokens: those behind the directive. */
static void dispatch(const struct modfile_handler *h, void *arg, const char *directive, char *const *tokens, size_t n)
{
    if (n == 0)
        return;
    if (strcmp(directive, "module") == 0 && h->module)
        h->module(arg, tokens[0]);
    else if (strcmp(directive, "require") == 0 && n > 1 && h->require)
        h->require(arg, tokens[0], tokens[1]);
    else if (strcmp(directive, "use") == 0 && h->use)
        h->use(arg, tokens[0]);
    else if (strcmp(directive, "replace") == 0)
        dispatch_replace(h, arg, tokens, n);
}

void modfile_read(const char *file, const struct modfile_handler *h, void *arg)
{
    struct buf text;
    char *tokens[MODFILE_TOKENS], *rest, *line;
    const char *block = NULL;
    buf_init(&text, REMEDY_FILE_MAX);
    rest = remedy_read(file, &text) == 0 ? text.data : NULL;
    while ((line = strsep(&rest, "\n"))) {
        size_t n = take_tokens(line, tokens);
        if (block && n > 0 && strcmp(tokens[0], ")") == 0)
            block = NULL;
        else if (block)
            dispatch(h, arg, block, tokens, n);
        else if (n > 1 && strcmp(tokens[1], "(") == 0)
            block = tokens[0];
        else if (n > 1)
            dispatch(h, arg, tokens[0], tokens + 1, n - 1);
    }
    buf_free(&text);
}

/* --- versions --- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Two numbers as text, of any length. */
static int compare_numbers(const char *a, size_t a_len, const char *b, size_t b_len)
{
    if (a_len != b_len)
        return a_len < b_len ? -1 : 1;
    return strncmp(a, b, a_len);
}

/* Two parts of a pre-release: a number comes before a word. */
static int compare_parts(const char *a, size_t a_len, const char *b, size_t b_len)
{
    bool a_counts = strspn(a, "0123456789") >= a_len, b_counts = strspn(b, "0123456789") >= b_len;
    if (a_counts != b_counts)
        return a_counts ? -1 : 1;
    if (a_counts)
        return compare_numbers(a, a_len, b, b_len);
    int order = strncmp(a, b, a_len < b_len ? a_len : b_len);
    return order != 0 ? order : a_len < b_len ? -1 : a_len > b_len;
}

/* What follows '-'; one without comes last. */
static int compare_prereleases(const char *a, const char *b)
{
    if (*a != '-' || *b != '-')
        return (*a != '-') - (*b != '-');
    while ((*a == '-' || *a == '.') && (*b == '-' || *b == '.')) {
        size_t a_len = strcspn(++a, ".+"), b_len = strcspn(++b, ".+");
        int order = compare_parts(a, a_len, b, b_len);
        if (order != 0)
            return order;
        a += a_len;
        b += b_len;
    }
    return (*a == '.') - (*b == '.');
}

int modfile_compare(const char *a, const char *b)
{
    bool a_is = *a == 'v' && is_digit(a[1]), b_is = *b == 'v' && is_digit(b[1]);
    if (!a_is || !b_is)
        return a_is - b_is;
    do {
        size_t a_len = strspn(++a, "0123456789"), b_len = strspn(++b, "0123456789");
        int order = compare_numbers(a, a_len, b, b_len);
        if (order != 0)
            return order;
        a += a_len;
        b += b_len;
    } while (*a == '.' && *b == '.');
    return compare_prereleases(a, b);
}
