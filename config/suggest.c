#include "config/suggest.h"

#include <ctype.h>
#include <string.h>

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int fold(const char *s, size_t i)
{
    return tolower((unsigned char)s[i]);
}

size_t config_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    if (n >= CONFIG_SUGGEST_MAX || m >= CONFIG_SUGGEST_MAX)
        return CONFIG_SUGGEST_MAX;
    size_t rows[3][CONFIG_SUGGEST_MAX];
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t cost = fold(a, i - 1) != fold(b, j - 1);
            row[j] = least(least(above[j] + 1, row[j - 1] + 1), above[j - 1] + cost);
            if (i > 1 && j > 1 && fold(a, i - 1) == fold(b, j - 2) && fold(a, i - 2) == fold(b, j - 1))
                row[j] = least(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[n % 3][m];
}

int config_is_near(const char *a, const char *b, size_t distance)
{
    size_t n = strlen(a), m = strlen(b);
    size_t longer = n > m ? n : m;
    return distance <= 1 + longer / 4 && distance < longer;
}

const char *config_suggest(const char *name, const char *const *known)
{
    const char *best = NULL;
    size_t best_distance = CONFIG_SUGGEST_MAX;
    for (; *known; known++) {
        size_t distance = config_distance(name, *known);
        if (distance < best_distance && config_is_near(name, *known, distance)) {
            best = *known;
            best_distance = distance;
        }
    }
    return best;
}
