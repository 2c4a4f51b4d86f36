/* SPDX-License-Identifier: GPL-2.0-only */
/* Modules that come and go. Both return 0, or -1 and errno. */
#ifndef MODULE_H
#define MODULE_H

/* @params as on insmod's command line. */
int module_load(const char *file, const char *params);

/* Does not wait: EAGAIN while it is in use. */
int module_unload(const char *name);

#endif
