#include "delve/blame_parts.h"

#include <string.h>

/* Whether c can be next to a word that go quotes or names. */
static bool is_edge(char c)
{
    return c == '\0' || strchr(" \t\n\"':;,()", c);
}

/* Where the output names the word, NULL: nowhere. */
static const char *find_word(const char *output, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = output; n && (at = strstr(at, word)); at += n)
        if ((at == output || is_edge(at[-1])) && is_edge(at[n]))
            return at;
    return NULL;
}

static bool has_listened(const char *output)
{
    return strstr(output, "API server listening at: ");
}

/* A word that go takes for a package: quotes are missing or misplaced. */
static bool blame_stray(const struct delve_plan *plan, const char *output, struct buf *out)
{
    for (size_t i = 0; i < plan->strays.count; i++) {
        const char *word = plan->strays.list[i];
        if (!find_word(output, word))
            continue;
        if (out)
            buf_printf(out,
                       "%s: go takes \"%s\" for a package: it is neither a flag nor a flag's value. Quote what belongs "
                       "together, as in \"-ldflags='-X main.version=1'\".",
                       i < plan->strays_of_flags ? "--build-flags in Delve's flags" : "buildFlags", word);
        return true;
    }
    return false;
}

static bool blame_program(const struct delve_plan *plan, const char *output, struct buf *out)
{
    static const char malformed[] = "malformed import path \"";
    const char *at = strstr(output, malformed);
    const char *package = plan->package;
    size_t n = package ? strlen(package) : 0;
    if (!at || n == 0 || strncmp(at + sizeof malformed - 1, package, n) != 0 || at[sizeof malformed - 1 + n] != '"')
        return false;
    if (out)
        buf_printf(out, "program: \"%s\" is not a directory, a .go file or an import path. Correct it.",
                   plan->program_from.given ? plan->program_from.given : package);
    return true;
}

bool delve_blame(const struct delve_blame_of *of, const char *output, struct buf *out)
{
    if (!output || has_listened(output))
        return false;
    return blame_stray(of->plan, output, out) || blame_program(of->plan, output, out) || blame_value(of, output, out);
}
