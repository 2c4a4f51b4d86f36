// SPDX-License-Identifier: GPL-2.0-only
/* paging.h where the guest always has its paging off. */
#include <string.h>

#include "ktap.h"
#include "paging.h"

enum paging paging_of(const char *word)
{
	if (strcmp(word, "off"))
		die("the guest has no paging on this architecture");
	return PAGING_OFF;
}

void guest_tables_write(struct guest_tables *tables, struct vmm *vmm, enum paging paging,
			uint64_t gfn)
{
	*tables = (struct guest_tables){ .vmm = vmm, .paging = paging, .first_gfn = gfn };
}

bool guest_tables_cover(const struct guest_tables *tables, uint64_t gfn)
{
	(void)tables;
	(void)gfn;
	return false;
}

unsigned int guest_tables_walk(const struct guest_tables *tables, uint64_t gfn,
			       uint64_t walk[GUEST_TABLES_WALK])
{
	(void)tables;
	(void)gfn;
	(void)walk;
	return 0;
}
