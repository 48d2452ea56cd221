/* A client that sets its breakpoints before there is a Delve: it is answered from the journal, which is sent to the
 * first Delve, and hears of what has become of each breakpoint by events. */
#include "proxy/session/session_private.h"

enum { CONFIGURED_MS = 3000 /* VS Code took 35 to 230 ms from initialized to configurationDone */ };

static const char *launch_name(const struct session *s)
{
    return s->is_attach ? "attach" : "launch";
}

static bool waits(const struct session *s)
{
    return s->traits->begins == DAP_BEGINS_EARLY_AND_WAITS;
}

static void answer_launch(struct session *s)
{
    if (s->launch_waits)
        session_respond(s, s->launch_seq, launch_name(s), NULL);
    s->launch_waits = false;
}

void session_answer_configured(struct session *s)
{
    if (s->configured_waits)
        session_respond(s, s->configured_seq, "configurationDone", NULL);
    s->configured_waits = false;
}

void session_answer_begun(struct session *s)
{
    if (s->state < SESSION_LIVE)
        return;
    answer_launch(s);
    session_answer_configured(s);
}

void session_begin_early(struct session *s)
{
    session_set_state(s, SESSION_EARLY, "the client need not wait for Delve");
    session_event(s, "initialized", NULL);
    timer_start(s->early, CONFIGURED_MS, 0);
    if (!waits(s))
        answer_launch(s);
}

bool session_is_early(const struct session *s)
{
    return s->state == SESSION_EARLY || s->state == SESSION_OVERDUE;
}

/* It may wait for what Delve says of launch. */
void session_overdue(void *arg)
{
    struct session *s = arg;
    if (s->state != SESSION_EARLY || dap_journal_is_configured(s->journal))
        return;
    session_set_state(s, SESSION_OVERDUE, "the client has not sent configurationDone");
    if (s->delve)
        delve_changed(s->delve);
}

void session_attached(struct session *s, enum delve_sent sent)
{
    bool was_configured = dap_journal_is_configured(s->journal);
    session_set_state(s, SESSION_LIVE, "attached");
    session_answer_restart(s, NULL);
    if (!was_configured)
        answer_launch(s); /* as Delve would */
    if (sent != DELVE_SENT_ALL && !session_send_breakpoints(s, false))
        session_say(s, "important", "out of memory: not all breakpoints could be set; set them again");
    if (sent == DELVE_SENT_ATTACH && was_configured && !session_send_configured(s))
        session_say(s, "important", "out of memory: the program was not continued; press Restart");
}

/* --- requests before there is a Delve --- */

void session_configure_early(struct session *s, const struct dap_message *m)
{
    bool is_first = !dap_journal_is_configured(s->journal);
    dap_journal_configure_early(s->journal);
    if (is_first && waits(s)) {
        s->configured_seq = m->seq;
        s->configured_waits = true;
    } else {
        session_respond(s, m->seq, m->name, NULL);
    }
    if (is_first && s->delve)
        delve_changed(s->delve);
}

/* There is nothing yet that could end by itself. */
void session_terminate_early(struct session *s, const struct dap_message *m)
{
    static const char why[] = "the session was ended before the program was started";
    session_respond(s, m->seq, m->name, NULL);
    session_answer_configured(s);
    if (s->launch_waits)
        session_respond_error(s, s->launch_seq, launch_name(s), s->is_attach ? ERROR_ATTACH : ERROR_LAUNCH, why, false);
    s->launch_waits = false;
    session_answer_restart(s, why);
    session_set_state(s, SESSION_TERMINATED, why);
    session_terminated(s);
    if (!s->delve || !delve_end(s->delve, true))
        session_answer_pending(s, why);
}
