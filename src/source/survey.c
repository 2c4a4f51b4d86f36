// SPDX-License-Identifier: GPL-2.0-only
#include "source/survey.h"
#include "source/walk.h"

int ki_survey(struct kvm *kvm, struct ki_survey *s)
{
	struct ki_walk w = {
		.base	= s->base,
		.start	= s->base + 64ULL * s->first,
		.end	= s->base + 64ULL * s->end,
	};
	enum ki_walk_result res = KI_WALK_DONE;
	struct ki_tables tables;
	int idx = ki_tables_hold(kvm, &tables);

	if (!tables.refused) {
		w.bits = tables.marked ? s->marked : s->others;
		res = ki_walk_tables(&tables, &w);
		w.bits = s->others;
		if (tables.elsewhere)
			ki_leaves_elsewhere(kvm, &w, s->probe);
	}
	ki_tables_drop(kvm, idx);

	s->is_marked = tables.marked;
	s->is_all = tables.marked && !tables.elsewhere;
	s->overlap = tables.count + tables.elsewhere > 1;
	s->reason = res == KI_WALK_STRANGE ? KVM_IDLE_REASON_UNKNOWN_TABLE :
					     tables.reason;
	return tables.refused || res == KI_WALK_STRANGE ? -EOPNOTSUPP : 0;
}
