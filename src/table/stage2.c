// SPDX-License-Identifier: GPL-2.0-only
/*
 * arm64 stage 2 tables. Bits as in the Arm Architecture Reference Manual for
 * A-profile, "VMSAv8-64 descriptor formats": "Table descriptor format", "Block
 * descriptor and Page descriptor formats", "Attribute fields in stage 2
 * VMSAv8-64 Block and Page descriptors"; the access flag as in "Hardware
 * management of the Access flag". That manual's level 3 is our level 1.
 *
 * An entry without the valid bit is nobody's but KVM's, which keeps a lock in
 * bit 10, the place of the access flag. A table has no access flag.
 */
#include "walk.h"

#define KI_S2_VALID	BIT_ULL(0)
#define KI_S2_TABLE	BIT_ULL(1)	/* above level 1; at level 1: a page */
#define KI_S2_AF	BIT_ULL(10)

/* For all sizes of page. */
#define KI_S2_FORMAT				\
	.mapped		= KI_S2_VALID,		\
	.real_mask	= KI_S2_VALID,		\
	.real_value	= KI_S2_VALID,		\
	.accessed	= KI_S2_AF,		\
	.page_mask	= KI_S2_TABLE,		\
	.page_value	= KI_S2_TABLE,		\
	.leaf_mask	= KI_S2_TABLE,		\
	.leaf_value	= 0,			\
	.table_value	= KI_S2_TABLE

static const struct ki_format ki_stage2_4k = {
	KI_S2_FORMAT,
	.level_bits	= 9,
	.max_leaf_level	= 3,	/* 1 GiB */
};

static const struct ki_format ki_stage2_16k = {
	KI_S2_FORMAT,
	.level_bits	= 11,
	.max_leaf_level	= 2,	/* 32 MiB */
};

static const struct ki_format ki_stage2_64k = {
	KI_S2_FORMAT,
	.level_bits	= 13,
	.max_leaf_level	= 2,	/* 512 MiB */
};

enum ki_walk_result ki_walk_stage2(struct ki_walk *w, unsigned int page_shift)
{
	switch (page_shift) {
	case 12:
		return ki_walk(&ki_stage2_4k, w);
	case 14:
		return ki_walk(&ki_stage2_16k, w);
	case 16:
		return ki_walk(&ki_stage2_64k, w);
	default:
		return KI_WALK_STRANGE;
	}
}
