/* One value of the file -> one field: the checks of each type. */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "dap/must_use.h"
#include "config/json.h"
#include "config/options.h"
#include "dap/buf.h"

enum config_read { CONFIG_READ_OK, CONFIG_READ_WRONG, CONFIG_READ_NO_MEMORY };

/* Reads a value of one of the scalar types into the field at option->offset in base (strings are copied; what the
   field held before is freed). CONFIG_READ_WRONG: *why says what is wrong with it and what to write instead, and base
   is unchanged. A note about a value that is taken otherwise than written may be appended to *note. */
enum config_read config_value_read(const struct config_option *option, const struct config_json *node, void *base,
                                   struct buf *why, struct buf *note);

/* Appends "expected X, found Y". */
void config_wrong_type(struct buf *why, const char *expected, const struct config_json *node);

/* The same, X being what the option takes. */
void config_wrong_value(struct buf *why, const struct config_option *option, const struct config_json *node);

/* Whether a string holds a control character of ASCII. */
bool config_has_control(const char *s);

/* Reads an IP address, and writes it in its usual form. Returns false when text is none. */
enum { CONFIG_ADDRESS_SIZE = 46 /* bytes of the longest one and a NUL: INET6_ADDRSTRLEN */ };
bool config_address_read(const char *text, char address[static CONFIG_ADDRESS_SIZE]) MUST_USE;

/* Whether an address in its usual form is one of this machine's loopback interface. */
bool config_address_is_loopback(const char *address);

/* Whether name may name a target, or a variable of the environment. */
bool config_is_target_name(const char *name);
bool config_is_env_name(const char *name);

#endif
