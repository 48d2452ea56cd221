#include "dap/clients.h"

#include <string.h>

static const struct dap_client_traits known[] = {
    /* Seen with 1.139.1, and the same code in 1.100.3: mainThreadDebugService drops the adapter when restart rejects;
     * a launch that was answered after 130 s was fine; threads are asked for once configurationDone is answered. */
    {.id = "vscode", .deaf_after_failed_restart = true, .begins = DAP_BEGINS_EARLY_AND_WAITS},
    /* nvim-dap: a warning after 4 s without an answer to launch. Versions that misspell clientID are not known. */
    {.id = "neovim", .begins = DAP_BEGINS_EARLY},
    /* It ends the session when launch is not answered within 10 s. */
    {.id = "dape", .begins = DAP_BEGINS_EARLY},
    /* It gives a request up after 15 s. */
    {.id = "vimspector", .begins = DAP_BEGINS_EARLY},
};

static const struct dap_client_traits faithful = {.id = ""};

const struct dap_client_traits *dap_client_traits(const json_t *initialize_arguments)
{
    const char *id = json_string_value(json_object_get(initialize_arguments, "clientID"));
    for (size_t i = 0; id && i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].id, id) == 0)
            return &known[i];
    return &faithful;
}
