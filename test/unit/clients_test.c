/* What editors make of DAP: who is known by its clientID, and who does what the specification says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dap/clients.h"

static bool goes_deaf(const char *text)
{
    json_t *arguments = text ? json_loads(text, 0, NULL) : NULL;
    const struct dap_client_traits *traits = dap_client_traits(arguments);
    json_decref(arguments);
    assert_non_null(traits);
    return traits->deaf_after_failed_restart;
}

static void clients(void **state)
{
    (void)state;
    assert_true(goes_deaf("{\"clientID\":\"vscode\",\"clientName\":\"code-server\"}"));
    assert_false(goes_deaf("{\"clientID\":\"neovim\"}"));
    assert_false(goes_deaf("{\"clientID\":\"vscode-like\"}"));
    assert_false(goes_deaf("{\"clientID\":7}"));
    assert_false(goes_deaf("{\"clientName\":\"vscode\"}"));
    assert_false(goes_deaf(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(clients)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
