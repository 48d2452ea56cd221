/* Any bytes as a build's output, and each line as one of Delve's log: what is found lies in the input, is bounded, and
 * what Delve said after it listened is never read. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delve/signatures.h"

#define CHECK(what)                                                                                                    \
    do {                                                                                                               \
        if (!(what)) {                                                                                                 \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #what);                                   \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static void check_found(const struct delve_diagnosis *d, bool found, const char *text)
{
    char first[DELVE_MESSAGE_MAX];
    CHECK(found == (d->signature != NULL));
    CHECK(memchr(d->message, '\0', sizeof d->message) && memchr(d->module, '\0', sizeof d->module));
    CHECK(memchr(d->version, '\0', sizeof d->version) && memchr(d->file, '\0', sizeof d->file));
    CHECK(d->line >= 0);
    if (!found) {
        CHECK(!*d->message);
        return;
    }
    size_t n = strcspn(d->message, "\n");
    memcpy(first, d->message, n);
    first[n] = '\0';
    CHECK(n > 0 && strstr(text, first));
    CHECK(d->signature->origin != 0);
}

static void check_listened(const char *text, size_t size)
{
    static const char listening[] = "API server listening at: 127.0.0.1:4000\n";
    struct delve_diagnosis d;
    char *both = malloc(sizeof listening + size);
    if (!both)
        return;
    memcpy(both, listening, sizeof listening - 1);
    memcpy(both + sizeof listening - 1, text, size + 1);
    CHECK(!delve_diagnose_build(&d, both));
    free(both);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct delve_diagnosis d;
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    bool found = delve_diagnose_build(&d, text);
    check_found(&d, found, text);
    check_listened(text, size);
    for (char *line = text, *end; line; line = end) {
        end = strchr(line, '\n');
        if (end)
            *end++ = '\0';
        found = delve_diagnose_log(&d, line);
        check_found(&d, found, line);
    }
    free(text);
    return 0;
}
