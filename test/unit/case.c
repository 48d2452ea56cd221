/* Linked to each cmocka test: CASE=PATTERN in the environment runs those of its cases whose names match; a pattern may
 * have * and ?. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

__attribute__((constructor)) static void choose_cases(void)
{
    const char *pattern = getenv("CASE");
    if (pattern)
        cmocka_set_test_filter(pattern);
}
