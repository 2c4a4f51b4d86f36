// SPDX-License-Identifier: GPL-2.0-only
#include "extents.h"

const char *const extent_name[EXTENT_TYPES + 1] = {
	"4K accessed", "2M accessed", "1G present", "4K dirty", "2M dirty",
	"4K idle", "2M idle", "2M of idle 4K", "4K hole", "2M hole", "nothing",
};

static bool is_wrong(struct extents *x, const char *what)
{
	x->wrong = what;
	return false;
}

static uint64_t unit_of(const struct extents *x, enum extent_type type)
{
	switch (type) {
	case EXTENT_PTE_ACCESSED:
	case EXTENT_PTE_DIRTY:
	case EXTENT_PTE_IDLE:
	case EXTENT_PTE_HOLE:
		return x->page;
	case EXTENT_PUD_PRESENT:
		return x->pud;
	default:
		return x->pmd;
	}
}

static bool read_address(struct extents *x)
{
	uint64_t hva = 0;

	if (x->count - x->at < 9)
		return is_wrong(x, "an address is cut off");
	for (int i = 1; i <= 8; i++)
		hva = hva << 8 | x->bytes[x->at + i];
	if (hva % x->page)
		return is_wrong(x, "an address is not that of a page");
	if (x->addresses && hva < x->hva)
		return is_wrong(x, "an address lies before the one arrived at");
	x->at += 9;
	x->hva = hva;
	x->since = 9;
	x->addresses++;
	return true;
}

bool extents_next(struct extents *x, struct extent *found)
{
	uint8_t byte;

	if (x->wrong)
		return false;
	while (x->at < x->count && x->bytes[x->at] == EXTENT_SET_HVA)
		if (!read_address(x))
			return false;
	if (x->at == x->count)
		return false;

	byte = x->bytes[x->at];
	if (!x->addresses)
		return is_wrong(x, "it does not begin with an address");
	if (byte >> 4 >= EXTENT_TYPES)
		return is_wrong(x, "there is no such type");
	if (!(byte & 0xf))
		return is_wrong(x, "an item of no units");
	*found = (struct extent) {
		.hva = x->hva,
		.type = byte >> 4,
		.nr = byte & 0xf,
		.unit = unit_of(x, byte >> 4),
	};
	if (x->hva % found->unit)
		return is_wrong(x, "an item does not begin at a multiple of its unit");
	if (x->since >= EXTENT_CHUNK)
		return is_wrong(x, "a chunk is too long");
	x->hva += found->nr * found->unit;
	x->at++;
	x->since++;
	return true;
}

bool extents_spell_out(struct extents *x, uint64_t base, uint64_t pages, uint8_t *said)
{
	struct extent e;

	while (extents_next(x, &e)) {
		uint64_t end = e.hva + e.nr * e.unit;

		for (uint64_t hva = e.hva; hva < end; hva += x->page)
			if (hva >= base && (hva - base) / x->page < pages)
				said[(hva - base) / x->page] = e.type;
	}
	return !x->wrong;
}
