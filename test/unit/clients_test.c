/* What editors make of DAP: who is known by its clientID, and who does what the specification says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dap/clients.h"

static const struct dap_client_traits *traits_of(const char *text)
{
    json_t *arguments = text ? json_loads(text, 0, NULL) : NULL;
    const struct dap_client_traits *traits = dap_client_traits(arguments);
    json_decref(arguments);
    assert_non_null(traits);
    return traits;
}

static bool goes_deaf(const char *text)
{
    return traits_of(text)->deaf_after_failed_restart;
}

static enum dap_client_begins begins(const char *text)
{
    return traits_of(text)->begins;
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

/* Who is not known sees everything as Delve says it. */
static void how_sessions_begin(void **state)
{
    (void)state;
    assert_int_equal(begins("{\"clientID\":\"vscode\",\"clientName\":\"code-server\"}"), DAP_BEGINS_EARLY_AND_WAITS);
    assert_int_equal(begins("{\"clientID\":\"neovim\"}"), DAP_BEGINS_EARLY);
    assert_int_equal(begins("{\"clientID\":\"dape\"}"), DAP_BEGINS_EARLY);
    assert_int_equal(begins("{\"clientID\":\"vimspector\"}"), DAP_BEGINS_EARLY);
    assert_int_equal(begins("{\"clientID\":\"test\"}"), DAP_BEGINS_AS_DELVE);
    assert_int_equal(begins("{\"clientId\":\"neovim\"}"), DAP_BEGINS_AS_DELVE);
    assert_int_equal(begins("{}"), DAP_BEGINS_AS_DELVE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(clients), cmocka_unit_test(how_sessions_begin)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
