#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/options.h"
#include "dap/buf.h"
#include "dap/roff.h"

#ifndef DELVEGATE_VERSION
#define DELVEGATE_VERSION "0.1.0"
#define DELVEGATE_DATE ""
#endif

enum { MANUAL_MAX = 131072, PATH_MAX_BYTES = 256 };

static const char head[] =
    ".TH DELVEGATE.JSON 5 \"" DELVEGATE_DATE "\" \"delvegate " DELVEGATE_VERSION "\" \"File Formats\"\n"
    ".SH NAME\n"
    "delvegate.json \\- configuration of delvegate\n"
    ".SH SYNOPSIS\n"
    ".I $XDG_CONFIG_HOME/delvegate/config.json\n"
    ".br\n"
    ".I \\(ti/.config/delvegate/config.json\n"
    ".br\n"
    ".I /etc/xdg/delvegate/config.json\n"
    ".SH DESCRIPTION\n"
    ".BR delvegate (1)\n"
    "reads its configuration from a single file: the one that\n"
    ".B \\-\\-config\n"
    "names, or else the first that exists of\n"
    ".I $XDG_CONFIG_HOME/delvegate/config.json\n"
    "(by default in ~/.config) and\n"
    ".I delvegate/config.json\n"
    "below each directory of\n"
    ".B XDG_CONFIG_DIRS\n"
    "(separated by colons; by default /etc/xdg).\n"
    "The files are not merged.\n"
    "A file that exists but cannot be read is an error.\n"
    "If there is no file, there is one target,\n"
    ".BR local :\n"
    "this machine, on port 4711.\n"
    ".PP\n"
    "The configuration lists the Go machines, how each is reached, and the port on which the editor connects for it.\n"
    ".PP\n"
    "The file is JSON in UTF\\-8. Comments\n"
    "(\\fB//\\fR to the end of the line, \\fB/*\\fR to \\fB*/\\fR) and a comma after the last member or item\n"
    "are allowed. Unknown options, and options that are given twice, are errors.\n"
    ".B delvegate \\-\\-check\\-config\n"
    "reports every error with its file, line, column and option.\n"
    "On\n"
    ".B SIGHUP\n"
    "the file is reloaded; if it is invalid, the previous configuration stays active. Running sessions keep the\n"
    "configuration that they started with.\n"
    ".PP\n"
    "A duration is a whole number and a unit:\n"
    ".BR \\(dq90s\\(dq ,\n"
    ".B \\(dq10m\\(dq\n"
    "or\n"
    ".BR \\(dq1h\\(dq ;\n"
    "if its range is in milliseconds, also\n"
    ".BR \\(dq250ms\\(dq .\n";

static const char example[] = "{\n"
                              "  \"targets\": {\n"
                              "    \"gomachine\": {\n"
                              "      \"listen\": 4711, // \"debugServer\" in launch.json\n"
                              "      \"ssh\": \"gomachine\",\n"
                              "      \"paths\": [{ \"client\": \"/Users/me/src\", \"remote\": \"/home/me/src\" }],\n"
                              "      \"go\": { \"GOCACHE\": \"/home/me/.cache/go-build\" },\n"
                              "      \"lease\": \"1h\",\n"
                              "    },\n"
                              "  },\n"
                              "  \"log\": { \"level\": \"info\" },\n"
                              "}\n";

static const char tail[] = ".SH SEE ALSO\n"
                           ".BR delvegate (1),\n"
                           ".BR delvegate\\-recovery (7),\n"
                           ".BR ssh_config (5)\n"
                           ".PP\n"
                           ".B delvegate \\-\\-print\\-schema\n"
                           "prints these options as a JSON Schema, for editors.\n";

static const char *kind_of(enum config_type type)
{
    switch (type) {
    case CONFIG_OBJECT:
    case CONFIG_TARGETS:
    case CONFIG_ENV:
        return "object";
    case CONFIG_PATHS:
    case CONFIG_FLAGS:
    case CONFIG_ADDRESSES:
    case CONFIG_STEPS:
    case CONFIG_ARGV:
        return "list";
    case CONFIG_COMMAND:
        return "string or list";
    case CONFIG_LISTEN:
        return "number or string";
    case CONFIG_DURATION:
        return "duration";
    case CONFIG_INTEGER:
        return "number";
    case CONFIG_BOOLEAN:
    case CONFIG_MAYBE:
        return "true or false";
    default:
        return "string";
    }
}

static void put_limits(struct buf *out, const struct config_option *option)
{
    switch (option->type) {
    case CONFIG_DURATION:
        buf_printf(out, ", %ld to %ld %s", option->min, option->max, option->milliseconds ? "milliseconds" : "seconds");
        return;
    case CONFIG_LISTEN:
        buf_printf(out, ", ports %ld to %ld", option->min, option->max);
        return;
    case CONFIG_INTEGER:
        buf_printf(out, ", %ld to %ld", option->min, option->max);
        return;
    case CONFIG_TARGETS:
        buf_printf(out, ", %ld to %ld members", option->min, option->max);
        return;
    case CONFIG_PATHS:
    case CONFIG_ENV:
    case CONFIG_FLAGS:
    case CONFIG_ADDRESSES:
    case CONFIG_STEPS:
    case CONFIG_COMMAND:
    case CONFIG_ARGV:
        buf_printf(out, ", at most %ld entries", option->max);
        return;
    default:
        if (option->max)
            buf_printf(out, ", at most %ld bytes", option->max);
    }
}

/* The names that a value is made of. */
static void put_names(struct buf *out, const char *intro, const char *const *names)
{
    buf_printf(out, "%s ", intro);
    for (size_t i = 0; names[i]; i++)
        buf_printf(out, "%s\\fB%s\\fR", i ? ", " : "", names[i]);
    buf_puts(out, ".\n");
}

/* inherited: what holds for an absent member that has no default of its own here. */
static void put_option(struct buf *out, const struct config_option *option, const char *path, const char *inherited)
{
    const char *absent = inherited ? inherited : option->otherwise;
    buf_puts(out, ".TP\n\\fB");
    roff_puts(out, path);
    buf_printf(out, "\\fR (%s", kind_of(option->type));
    put_limits(out, option);
    buf_puts(out, option->required ? ", required)\n" : ")\n");
    roff_text(out, option->text);
    buf_puts(out, "\n");
    if (option->names)
        put_names(out, "One of", option->names);
    if (option->type == CONFIG_LAYERS)
        put_names(out, "The layers are", config_layers);
    if (option->value && !inherited) {
        buf_puts(out, "Default: \\fB");
        roff_puts(out, option->value);
        buf_puts(out, "\\fR.\n");
    } else if (absent) {
        buf_puts(out, "If absent: ");
        roff_text(out, absent);
        buf_puts(out, ".\n");
    }
    buf_puts(out, ".br\nExample: \\fB");
    roff_puts(out, option->example);
    buf_puts(out, "\\fR\n");
}

static void put_options(struct buf *out, const struct config_option *members, const char *prefix, const char *inherited)
{
    for (const struct config_option *option = members; option->name; option++) {
        struct buf path;
        buf_init(&path, PATH_MAX_BYTES);
        buf_printf(&path, "%s%s", prefix, option->name);
        bool list = option->type == CONFIG_PATHS || option->type == CONFIG_STEPS;
        put_option(out, option, path.failed ? option->name : path.data, inherited);
        buf_puts(&path, option->type == CONFIG_TARGETS ? ".NAME." : list ? "[]." : ".");
        if (path.failed)
            out->failed = true;
        else if (option->members)
            put_options(out, option->members, path.data, option->inherits ? option->otherwise : NULL);
        buf_free(&path);
    }
}

char *config_manual(void)
{
    struct buf out;
    buf_init(&out, MANUAL_MAX);
    buf_puts(&out, head);
    buf_puts(&out, ".SH EXAMPLE\n.nf\n");
    roff_puts(&out, example);
    buf_puts(&out, ".fi\n.SH OPTIONS\n");
    put_options(&out, config_options, "", NULL);
    buf_puts(&out, tail);
    char *text = out.failed ? NULL : buf_take(&out);
    buf_free(&out);
    return text;
}
