// SPDX-License-Identifier: GPL-2.0-only
/* Since Linux 5.16, page_idle's flags are those of folios. */
#include <linux/page_idle.h>

void probe(struct folio *folio);
void probe(struct folio *folio)
{
	folio_clear_idle(folio);
	folio_set_young(folio);
}
