/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module asker, which asks KVM as the host's memory management would. It has to
 * be in the machine:
 *
 *	tests/vm/run --add "$(tests/vm/module --source tests/guest/asker KERNEL):/lib/asker.ko"
 */
#ifndef ASKER_H
#define ASKER_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm.h"

bool asker_is_there(void);

/* For one VM of this process. Both die if they cannot. */
void asker_load(const struct vmm *vmm);
void asker_unload(void);

/* A parameter of it. Return: false if it does not take the value. */
bool asker_set(const char *name, const char *value);
unsigned long asker_get(const char *name);

/* "test", "clear" or "flush". Return: the answer. */
bool asker_ask(const char *question, void *hva, unsigned long bytes);

/*
 * "clear" of each page of @bytes at @hva, one by one, in one call. Bit n of @young
 * is the answer of page n.
 */
void asker_ask_each(void *hva, unsigned long bytes, uint64_t *young);

#endif
