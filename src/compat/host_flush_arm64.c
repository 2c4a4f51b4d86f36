// SPDX-License-Identifier: GPL-2.0-only
#include "compat/host_flush.h"

void ki_host_flush_init(void)
{
}

void ki_host_flush_tlbs(struct mm_struct *mm)
{
}
