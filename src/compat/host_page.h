/* SPDX-License-Identifier: GPL-2.0-only */
/* Pages of a process: what the host's page aging is told of them. */
#ifndef KI_COMPAT_HOST_PAGE_H
#define KI_COMPAT_HOST_PAGE_H

#include <linux/mm.h>
#include <linux/page_idle.h>
#include <linux/swap.h>

/*
 * The accessed bit of an entry that maps it is about to be cleared: to the host, the page
 * is to be as young as before. With page_idle's flags it is just that, for whoever asks
 * next (page_referenced(), MGLRU before it evicts, DAMON, smaps, page_idle itself).
 * Without them it is marked, as where a young entry is zapped. A page that the host does
 * not age, NULL, is left alone.
 *
 * Context: under the lock of the table.
 */
static inline void ki_host_page_touched(struct page *page)
{
	if (!page)
		return;
#if !defined(CONFIG_PAGE_IDLE_FLAG) && !defined(CONFIG_IDLE_PAGE_TRACKING)
	mark_page_accessed(page);
#elif defined(HAVE_FOLIO_SET_YOUNG)
	folio_clear_idle(page_folio(page));
	folio_set_young(page_folio(page));
#else
	page = compound_head(page);
	clear_page_idle(page);
	set_page_young(page);
#endif
}

/* What an entry maps; NULL if the host does not age that. */
static inline struct page *ki_host_entry_page(pte_t pte)
{
	return pte_special(pte) || !pfn_valid(pte_pfn(pte)) ? NULL : pte_page(pte);
}

/* The same of a leaf at the level above. */
static inline struct page *ki_host_huge_page(pte_t entry)
{
	pmd_t pmd = __pmd(pte_val(entry));

	return pfn_valid(pmd_pfn(pmd)) ? pmd_page(pmd) : NULL;
}

#endif /* KI_COMPAT_HOST_PAGE_H */
