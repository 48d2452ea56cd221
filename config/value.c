#include "config/value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/problems.h"
#include "config/suggest.h"

enum { TARGET_NAME_MAX = 64, PORT_DIGITS_MAX = 5, NUMBER_DIGITS_MAX = 9, DECIMAL = 10 };

/* Units of a duration, the largest first. */
static const struct unit {
    const char *name;
    long ms;
} units[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

enum { UNITS = sizeof(units) / sizeof(*units), SECOND = 1000 };

static void *field_of(const struct config_option *option, void *base)
{
    return (char *)base + option->offset;
}

static enum config_read store(char **field, const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        return CONFIG_READ_NO_MEMORY;
    free(*field);
    *field = copy;
    return CONFIG_READ_OK;
}

/* Ends a reader with the text of what is wrong. */
static enum config_read wrong(struct buf *why, const char *value, const char *text)
{
    if (value) {
        config_quote(why, value);
        buf_puts(why, " ");
    }
    buf_puts(why, text);
    return CONFIG_READ_WRONG;
}

bool config_has_control(const char *s)
{
    for (; *s; s++)
        if (iscntrl((unsigned char)*s))
            return true;
    return false;
}

static void put_found(struct buf *why, const struct config_json *node)
{
    buf_puts(why, ", found ");
    if (node->kind == CONFIG_JSON_OBJECT)
        buf_puts(why, "an object");
    else if (node->kind == CONFIG_JSON_LIST)
        buf_puts(why, "a list");
    else if (json_is_integer(node->scalar))
        buf_printf(why, "the number %" JSON_INTEGER_FORMAT, json_integer_value(node->scalar));
    else if (json_is_real(node->scalar))
        buf_printf(why, "the number %.15g", json_real_value(node->scalar));
    else if (json_is_string(node->scalar))
        config_quote(why, json_string_value(node->scalar));
    else
        buf_puts(why, json_is_null(node->scalar) ? "null" : json_is_true(node->scalar) ? "true" : "false");
}

void config_wrong_type(struct buf *why, const char *expected, const struct config_json *node)
{
    buf_printf(why, "expected %s", expected);
    put_found(why, node);
}

void config_wrong_value(struct buf *why, const struct config_option *option, const struct config_json *node)
{
    const char *type = option->milliseconds ? "a duration such as \"250ms\" or \"1s\"" : config_type_text(option->type);
    buf_printf(why, "expected %s", type ? type : "");
    for (size_t i = 0; !type && option->names[i]; i++)
        buf_printf(why, "%s\"%s\"", i == 0 ? "" : option->names[i + 1] ? ", " : " or ", option->names[i]);
    put_found(why, node);
}

/* Reads 1 to max digits up to end. Returns the number, -1 when it is none. */
static long read_digits(const char *s, const char *end, int max)
{
    long n = 0;
    if (s == end || end - s > max)
        return -1;
    for (; s < end; s++) {
        if (!isdigit((unsigned char)*s))
            return -1;
        n = n * DECIMAL + (*s - '0');
    }
    return n;
}

bool config_address_read(const char *text, char address[static CONFIG_ADDRESS_SIZE])
{
    struct in6_addr bytes;
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    return inet_pton(family, text, &bytes) == 1 && inet_ntop(family, &bytes, address, CONFIG_ADDRESS_SIZE);
}

bool config_address_is_loopback(const char *address)
{
    enum { LOOPBACK_NET = 127, NET_SHIFT = 24 };
    struct in_addr v4;
    return inet_pton(AF_INET, address, &v4) == 1 ? ntohl(v4.s_addr) >> NET_SHIFT == LOOPBACK_NET
                                                 : strcmp(address, "::1") == 0;
}

/* Splits "127.0.0.1:PORT", "localhost:PORT" and "[::1]:PORT". Returns the port as read_digits, and the address in its
   usual form in host: empty when it is none. */
static long read_address(const char *text, char host[static CONFIG_ADDRESS_SIZE])
{
    char address[CONFIG_ADDRESS_SIZE];
    const char *colon = strrchr(text, ':');
    *host = '\0';
    if (!colon)
        return -1;
    size_t len = (size_t)(colon - text);
    long port = read_digits(colon + 1, text + strlen(text), PORT_DIGITS_MAX);
    bool brackets = len > 2 && *text == '[' && colon[-1] == ']';
    if (brackets) {
        text++;
        len -= 2;
    }
    if (len >= sizeof(address))
        return port;
    memcpy(address, text, len);
    address[len] = '\0';
    if (!brackets && strcmp(address, "localhost") == 0)
        strcpy(host, "127.0.0.1");
    else if (brackets != (strchr(address, ':') != NULL) || !config_address_read(address, host))
        *host = '\0';
    return port;
}

static enum config_read read_listen(const struct config_option *option, const struct config_json *node, void *base,
                                    struct buf *why)
{
    struct config_target *target = base;
    char host[CONFIG_ADDRESS_SIZE] = "127.0.0.1";
    const char *text = config_json_string(node);
    long port = -1;
    if (json_is_integer(node->scalar)) {
        json_int_t n = json_integer_value(node->scalar);
        port = n >= option->min && n <= option->max ? (long)n : 0;
    } else if (text) {
        port = read_address(text, host);
    } else {
        config_wrong_value(why, option, node);
        return CONFIG_READ_WRONG;
    }
    if (text && !strchr(text, ':'))
        return wrong(why, text, "has no port; use 4711 (without quotes), \"127.0.0.1:4711\" or \"[::1]:4711\"");
    if (text && !*host)
        return wrong(why, text, "is not a loopback address; use 4711, \"127.0.0.1:4711\" or \"[::1]:4711\"");
    if (port < option->min || port > option->max) {
        if (text)
            config_quote(why, text);
        else
            buf_printf(why, "%" JSON_INTEGER_FORMAT, json_integer_value(node->scalar));
        buf_printf(why, " %s; use a number from %ld to %ld", text ? "has no valid port" : "is not a port", option->min,
                   option->max);
        return CONFIG_READ_WRONG;
    }
    target->listen_port = (int)port;
    return store(&target->listen_host, host);
}

static enum config_read read_ssh(const char *text, char **field, struct buf *why)
{
    if (!*text)
        return wrong(why, NULL,
                     "the destination is empty; write a Host of ssh_config or user@host, or leave ssh out "
                     "when the Go machine is this one");
    if (*text == '-')
        return wrong(why, text,
                     "begins with \"-\", so ssh would take it for an option; write a Host of ssh_config or user@host");
    if (config_has_control(text) || strchr(text, ' '))
        return wrong(why, text,
                     "contains white space or a control character; write a Host of ssh_config or user@host (options "
                     "belong in ~/.ssh/config)");
    return store(field, text);
}

static enum config_read read_go_path(const char *text, char **field, struct buf *why)
{
    if (config_has_control(text))
        return wrong(why, text, "contains a control character; write the path without it");
    if (*text == '~')
        return wrong(why, text, "begins with \"~\", which is not expanded; write the absolute path on the Go machine");
    if (*text == '$')
        return wrong(why, text,
                     "begins with \"$\", but variables are not expanded; write the absolute path on the Go machine");
    if (strcmp(text, "off") == 0)
        return wrong(why, text,
                     "is not allowed: delvegate needs a directory; write its absolute path on the Go machine");
    if (*text != '/')
        return wrong(why, text, "is not an absolute path; write the path on the Go machine, beginning with \"/\"");
    return store(field, text);
}

static bool is_separator(char c)
{
    return c == '/' || c == '\\';
}

static enum config_read read_client_path(const char *text, char **field, struct buf *why)
{
    bool drive = isalpha((unsigned char)*text) && text[1] == ':' && is_separator(text[2]);
    bool network = text[0] == '\\' && text[1] == '\\' && text[2] && !is_separator(text[2]);
    if (config_has_control(text))
        return wrong(why, text, "contains a control character; in JSON, write each \"\\\" of a path twice");
    if (*text == '~')
        return wrong(why, text,
                     "begins with \"~\", which is not expanded; write the absolute path on the editor's "
                     "machine");
    if (*text != '/' && !drive && !network)
        return wrong(why, text, "is not an absolute path; write \"/...\", or on Windows \"C:\\\\...\"");
    return store(field, text);
}

static void put_duration(struct buf *out, long ms)
{
    const struct unit *unit = units;
    while (ms % unit->ms != 0)
        unit++;
    buf_printf(out, "\"%ld%s\"", ms / unit->ms, unit->name);
}

/* The unit that a duration ends with, NULL when it is none that the option takes. */
static const struct unit *unit_of(const struct config_option *option, const char *text)
{
    size_t len = strlen(text);
    /* "ms" ends with "s" too, so it is tried first. */
    for (size_t i = UNITS; i-- > 0;) {
        size_t n = strlen(units[i].name);
        if (len > n && strcmp(text + len - n, units[i].name) == 0)
            return option->milliseconds || units[i].ms >= SECOND ? &units[i] : NULL;
    }
    return NULL;
}

static enum config_read read_duration(const struct config_option *option, const char *text, long *field,
                                      struct buf *why)
{
    const struct unit *unit = unit_of(option, text);
    long n = unit ? read_digits(text, text + strlen(text) - strlen(unit->name), NUMBER_DIGITS_MAX) : -1;
    long step = option->milliseconds ? 1 : SECOND; /* what the field counts */
    if (n < 0)
        return wrong(why, text,
                     option->milliseconds
                         ? "is not a duration; write a whole number and ms, s, m or h: \"250ms\", \"1s\""
                         : "is not a duration; write a whole number and s, m or h: \"90s\", \"10m\", \"1h\"");
    bool over = n > option->max * step / unit->ms;
    if (over || n * unit->ms < option->min * step) {
        config_quote(why, text);
        buf_puts(why, over ? " is too long; at most " : " is too short; at least ");
        put_duration(why, (over ? option->max : option->min) * step);
        buf_puts(why, over ? " is allowed" : " is needed");
        return CONFIG_READ_WRONG;
    }
    *field = n * unit->ms / step;
    return CONFIG_READ_OK;
}

static enum config_read read_integer(const struct config_option *option, const struct config_json *node, long *field,
                                     struct buf *why)
{
    const char *text = config_json_string(node);
    if (!json_is_integer(node->scalar)) {
        config_wrong_value(why, option, node);
        if (text && read_digits(text, text + strlen(text), NUMBER_DIGITS_MAX) >= 0)
            buf_puts(why, "; leave out the quotes");
        return CONFIG_READ_WRONG;
    }
    json_int_t n = json_integer_value(node->scalar);
    if (n < option->min || n > option->max) {
        buf_printf(why, "%" JSON_INTEGER_FORMAT " is out of range; use a whole number from %ld to %ld", n, option->min,
                   option->max);
        return CONFIG_READ_WRONG;
    }
    *field = (long)n;
    return CONFIG_READ_OK;
}

static enum config_read read_boolean(const struct config_option *option, const struct config_json *node, bool *field,
                                     struct buf *why)
{
    const char *text = config_json_string(node);
    if (json_is_boolean(node->scalar)) {
        *field = json_is_true(node->scalar);
        return CONFIG_READ_OK;
    }
    config_wrong_value(why, option, node);
    if (text && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0))
        buf_puts(why, "; leave out the quotes");
    return CONFIG_READ_WRONG;
}

static void put_names(struct buf *out, const char *const *names)
{
    for (size_t i = 0; names[i] && !config_layer_is_alias(names[i]); i++)
        buf_printf(out, "%s%s", i ? ", " : "", names[i]);
}

/* `"x" is WHAT; did you mean "y"?`, or the list of what there is. */
static enum config_read wrong_name(struct buf *why, const char *name, const char *what, const char *const *known)
{
    const char *near = config_suggest(name, known);
    config_quote(why, name);
    buf_printf(why, " is %s; ", what);
    if (near) {
        buf_printf(why, "did you mean \"%s\"?", near);
        return CONFIG_READ_WRONG;
    }
    buf_puts(why, "known are ");
    put_names(why, known);
    return CONFIG_READ_WRONG;
}

static enum config_read read_choice(const struct config_option *option, const char *text, int *field, struct buf *why)
{
    for (int i = 0; option->names[i]; i++) {
        if (strcmp(text, option->names[i]) == 0) {
            *field = i;
            return CONFIG_READ_OK;
        }
    }
    return wrong_name(why, text, "not known here", option->names);
}

/* Whether the list "a,b" holds this name already. */
static bool holds_layer(const struct buf *layers, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = layers->data; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, len) == 0 && (at[len] == ',' || at[len] == '\0'))
            return true;
    }
    return false;
}

static enum config_read read_layer(const char *name, struct buf *layers, struct buf *why, struct buf *note)
{
    size_t known = 0;
    while (config_layers[known] && strcmp(config_layers[known], name) != 0)
        known++;
    if (!*name)
        return wrong(why, NULL, "an entry is empty; write layers separated by single commas: \"debugger,rpc\"");
    if (!config_layers[known])
        return wrong_name(why, name, "not a log layer of Delve", config_layers);
    if (config_layer_is_alias(name)) {
        buf_printf(note, "%sDelve has no log layer \"%s\"; \"debugger\" is used instead", note->len ? "; " : "", name);
        name = "debugger";
    }
    if (!holds_layer(layers, name))
        buf_printf(layers, ",%s", name);
    return layers->failed ? CONFIG_READ_NO_MEMORY : CONFIG_READ_OK;
}

static enum config_read read_layers(const struct config_option *option, const char *text, char **field, struct buf *why,
                                    struct buf *note)
{
    struct buf layers;
    enum config_read result = CONFIG_READ_OK;
    char *copy = strdup(text), *rest = copy, *name;
    buf_init(&layers, (size_t)option->max);
    buf_puts(&layers, "debugger");
    if (!copy)
        result = CONFIG_READ_NO_MEMORY;
    while (result == CONFIG_READ_OK && (name = strsep(&rest, ",")))
        result = read_layer(name, &layers, why, note);
    if (result == CONFIG_READ_OK)
        result = layers.failed ? CONFIG_READ_NO_MEMORY : store(field, layers.data);
    free(copy);
    buf_free(&layers);
    return result;
}

static enum config_read read_maybe(const struct config_option *option, const struct config_json *node, int *field,
                                   struct buf *why)
{
    bool is_yes = false;
    enum config_read result = read_boolean(option, node, &is_yes, why);
    if (result == CONFIG_READ_OK)
        *field = is_yes ? CONFIG_MAYBE_YES : CONFIG_MAYBE_NO;
    return result;
}

/* The types that are not made of a string alone. */
static enum config_read read_other(const struct config_option *option, const struct config_json *node, void *base,
                                   struct buf *why)
{
    switch (option->type) {
    case CONFIG_LISTEN:
        return read_listen(option, node, base, why);
    case CONFIG_INTEGER:
        return read_integer(option, node, field_of(option, base), why);
    case CONFIG_BOOLEAN:
        return read_boolean(option, node, field_of(option, base), why);
    case CONFIG_MAYBE:
        return read_maybe(option, node, field_of(option, base), why);
    default:
        config_wrong_value(why, option, node);
        return CONFIG_READ_WRONG;
    }
}

enum config_read config_value_read(const struct config_option *option, const struct config_json *node, void *base,
                                   struct buf *why, struct buf *note)
{
    void *field = field_of(option, base);
    const char *text = config_json_string(node);
    if (!text || option->type == CONFIG_LISTEN || option->type == CONFIG_INTEGER || option->type == CONFIG_BOOLEAN ||
        option->type == CONFIG_MAYBE)
        return read_other(option, node, base, why);
    if (option->max && option->type != CONFIG_DURATION && strlen(text) > (size_t)option->max) {
        config_quote(why, text);
        buf_printf(why, " is too long; at most %ld bytes are allowed", option->max);
        return CONFIG_READ_WRONG;
    }
    switch (option->type) {
    case CONFIG_SSH:
        return read_ssh(text, field, why);
    case CONFIG_GO_PATH:
        return read_go_path(text, field, why);
    case CONFIG_CLIENT_PATH:
        return read_client_path(text, field, why);
    case CONFIG_DURATION:
        return read_duration(option, text, field, why);
    case CONFIG_CHOICE:
        return read_choice(option, text, field, why);
    case CONFIG_LAYERS:
        return read_layers(option, text, field, why, note);
    default:
        return CONFIG_READ_OK;
    }
}

bool config_is_target_name(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len <= TARGET_NAME_MAX &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

bool config_is_env_name(const char *name)
{
    if (!isalpha((unsigned char)*name) && *name != '_')
        return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && *name != '_')
            return false;
    return true;
}
