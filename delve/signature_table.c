/* The registry of the table's groups. */
#include <assert.h>

#include "delve/signature_rows.h"

enum { ROWS_MAX = 512 };

static struct delve_signature table[ROWS_MAX];
static size_t rows;

static void add(const struct delve_rows *group)
{
    assert(rows + group->count <= ROWS_MAX);
    for (size_t i = 0; i < group->count; i++)
        table[rows++] = group->list[i];
}

const struct delve_signature *delve_signatures(size_t *count)
{
    /* The order in which they are tried. */
    static const struct delve_rows *const groups[] = {
        &delve_rows_checksum, &delve_rows_workspace,   &delve_rows_toolchain, &delve_rows_sumdb,
        &delve_rows_modfile,  &delve_rows_own,         &delve_rows_vendor,    &delve_rows_gocache,
        &delve_rows_modcache, &delve_rows_environment, &delve_rows_network,   &delve_rows_requirement,
        &delve_rows_package,  &delve_rows_machine,     &delve_rows_log,       &delve_rows_last,
    };
    bool is_first = rows == 0;
    for (size_t i = 0; is_first && i < sizeof groups / sizeof groups[0]; i++)
        add(groups[i]);
    *count = rows;
    return table;
}
