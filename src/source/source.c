// SPDX-License-Identifier: GPL-2.0-only
#include <linux/minmax.h>

#include "compat/kvm_young.h"
#include "source/aging.h"
#include "source/source.h"
#include "source/walk.h"

static enum kvm_idle_source ki_source_of(const struct ki_tables *t)
{
	if (t->refused)
		return KVM_IDLE_SOURCE_NONE;
	if (!t->marked)
		return KVM_IDLE_SOURCE_NOTIFIER;
	return t->elsewhere ? KVM_IDLE_SOURCE_BOTH : KVM_IDLE_SOURCE_DIRECT;
}

void ki_source_examine(struct kvm *kvm, struct ki_examination *e)
{
	struct ki_tables t;

	ki_tables_drop(kvm, ki_tables_hold(kvm, &t));

	*e = (struct ki_examination) {
		.source		= ki_source_of(&t),
		.reason		= t.reason,
		.format		= t.format,
		.hw_accessed	= t.count && t.hw_accessed,
		.hw_dirty	= t.count && t.hw_dirty,
		.lone		= t.lone,
	};
	for (unsigned int i = 0; i < t.count; i++)
		e->levels = max(e->levels, t.levels[i]);

	if ((e->source & KVM_IDLE_SOURCE_NOTIFIER) &&
	    !ki_kvm_can_be_asked(kvm, 0, ~0ULL)) {
		e->source = KVM_IDLE_SOURCE_NONE;
		e->reason = KVM_IDLE_REASON_ALIASED;
	}
}

bool ki_source_asleep(struct kvm *kvm, struct ki_collect *c)
{
	return !c->mm && ki_step_may_be_asleep(c) && ki_direct_asleep(kvm, c);
}

bool ki_source_empty(struct kvm *kvm, const struct ki_collect *c)
{
	/* What was unmapped was written down before: the look at that is the last. */
	return !c->mm && !ki_aging_knows(c) && ki_direct_empty(kvm, c) &&
	       !ki_aging_knows(c);
}

int ki_source_collect(struct kvm *kvm, struct ki_collect *c)
{
	int err = 0;

	/* First, for it may fail for want of memory. */
	if (c->mm)
		err = ki_host_collect(kvm, c);
	if (!err)
		err = ki_direct_collect(kvm, c);
	/* KVM speaks of all there is, skipped or not. */
	if (c->ask_kvm)
		c->touched = ~0ULL;
	if (!err && c->ask_kvm)
		err = c->dirty ? -EOPNOTSUPP : ki_notifier_collect(kvm, c);
	if (!err && c->clear && c->aging && c->mm)
		ki_aging_tell_host(c);
	return err;
}
