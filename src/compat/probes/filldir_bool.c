// SPDX-License-Identifier: GPL-2.0-only
/*
 * Since Linux kernel commit 25885a35a720 ("Change calling conventions for
 * filldir_t") (in v6.1).
 */
#include <linux/fs.h>

bool probe(struct dir_context *ctx, const char *name, int len, loff_t pos,
	   u64 ino, unsigned int type);

filldir_t probe_actor;
filldir_t probe_actor = probe;
