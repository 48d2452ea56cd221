#include "proxy/cli/check_config.h"

#include <stdio.h>
#include <stdlib.h>

#include "dap/err.h"
#include "proxy/base/log.h"
#include "proxy/service/listener.h"

enum { EXIT_BAD_CONFIG = 2 };

static void print_target(const struct config_target *t)
{
    char listen[CONFIG_LISTEN_MAX];
    config_listen_text(listen, t->listen_host, t->listen_port);
    (void)printf("%s: %s -> %s\n", t->name, listen, config_target_machine(t));
}

/* A delvegate that runs has its ports: that is no fault of the configuration. */
static int check_port(const struct config_target *t)
{
    const struct listener_options o = {.name = t->name, .host = t->listen_host, .port = t->listen_port, .fd = -1};
    struct err why;
    bool is_held;
    if (listener_try(&o, &is_held, &why) == 0)
        return 0;
    log_report(CONFIG_LOG_ERROR, "%s", why.text);
    return -1;
}

int check_config_run(struct config_file *file)
{
    struct config *config = config_file_load(file);
    int status = EXIT_SUCCESS;
    if (!config)
        return EXIT_BAD_CONFIG;
    for (size_t i = 0; i < config->target_count; i++)
        print_target(&config->targets[i]);
    (void)fflush(stdout); /* in front of what is said of them */
    for (size_t i = 0; i < config->target_count; i++)
        if (check_port(&config->targets[i]) < 0)
            status = EXIT_BAD_CONFIG;
    if (!*file->path)
        log_report(CONFIG_LOG_INFO, "no configuration file was found: these are the defaults");
    else
        log_report(CONFIG_LOG_INFO, "%s: %s", file->path,
                   status == EXIT_SUCCESS ? "the configuration is valid" : "the configuration cannot be used");
    config_unref(config);
    return status;
}
