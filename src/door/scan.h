/* SPDX-License-Identifier: GPL-2.0-only */
/* KVM_IDLE_SCAN: regions of pages by what they are. */
#ifndef KI_DOOR_SCAN_H
#define KI_DOOR_SCAN_H

#include <linux/compiler_types.h>

struct ki_reader;

long ki_scan(struct ki_reader *r, void __user *arg);

#endif /* KI_DOOR_SCAN_H */
