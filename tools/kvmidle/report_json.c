// SPDX-License-Identifier: GPL-2.0-only
/* A report for a program. The members are documented in kvmidle-report(1). */
#include "json.h"
#include "report.h"

static void add_figures(json_object *to, const struct figures *f)
{
	json_add_uint(to, "mapped_bytes", f->mapped);
	json_add_uint(to, "hot_bytes", f->hot);
	json_add_uint(to, "warm_bytes", f->warm);
	json_add_uint(to, "cold_bytes", f->cold);
	json_add_uint(to, "working_set_bytes", f->working_set);
}

/* Of what has a size besides what is mapped of it. */
static void add_sized(json_object *to, const struct figures *f)
{
	json_add_uint(to, "size_bytes", f->size);
	add_figures(to, f);
}

static json_object *slots_of(const struct report *r)
{
	json_object *array = json_object_new_array();
	size_t i;

	for (i = 0; i < kvmidle_slots_count(r->m->slots); i++) {
		const struct kvm_idle_slot *slot = kvmidle_slots_at(r->m->slots, i);
		json_object *o = json_object_new_object();

		json_add_uint(o, "id", slot->id);
		json_add_uint(o, "gpa", slot->gpa);
		if (slot->flags & KVM_IDLE_SLOT_NO_HVA)
			json_add_null(o, "hva");
		else
			json_add_uint(o, "hva", slot->hva);
		json_add_bool(o, "readonly", slot->flags & KVM_IDLE_SLOT_READONLY);
		add_sized(o, &r->slots[i]);
		json_object_array_add(array, o);
	}
	return array;
}

static json_object *total_of(const struct report *r)
{
	json_object *o = json_object_new_object();

	add_sized(o, &r->total);
	return o;
}

static json_object *ages_of(const struct report *r)
{
	json_object *array = json_object_new_array();
	unsigned int a;

	for (a = 0; a <= r->oldest; a++) {
		uint64_t at_least = r->ages[a].bytes_at_least;
		uint64_t older = a < r->oldest ? r->ages[a + 1].bytes_at_least : 0;
		json_object *o = json_object_new_object();

		json_add_uint(o, "passes", a);
		json_add_seconds(o, "seconds", r->ages[a].ns);
		json_add_uint(o, "bytes", at_least - older);
		json_add_uint(o, "bytes_at_least", at_least);
		json_object_array_add(array, o);
	}
	return array;
}

static json_object *sizes_of(const struct report *r)
{
	json_object *array = json_object_new_array();
	unsigned int i;

	for (i = 0; i < ENTRY_SIZES; i++) {
		json_object *o = json_object_new_object();

		json_add_uint(o, "entry_bytes", r->sizes[i].entry_bytes);
		add_figures(o, &r->sizes[i].figures);
		json_object_array_add(array, o);
	}
	return array;
}

static json_object *nodes_of(const struct report *r)
{
	json_object *array = json_object_new_array();
	size_t i;

	for (i = 0; i < r->by_node_count; i++) {
		json_object *o = json_object_new_object();

		if (r->by_node[i].node == NODE_UNKNOWN)
			json_add_null(o, "node");
		else
			json_add_uint(o, "node", r->by_node[i].node);
		add_figures(o, &r->by_node[i].figures);
		json_object_array_add(array, o);
	}
	return array;
}

int report_print_json(const struct report *r, FILE *out)
{
	const struct kvm_idle_info *info = &r->m->info;
	json_object *o = json_object_new_object();

	json_add_uint(o, "version", JSON_VERSION);
	json_add_uint(o, "pid", r->pid);
	json_add_string(o, "name", r->name);
	json_add_uint(o, "machines", r->machines);
	json_add_uint(o, "vm", r->vm);
	json_add_string(o, "door", kvmidle_door_name(r->door));
	json_add_string(o, "recording", r->file);
	json_add_time(o, "recorded", r->recorded_ns);
	json_add_bool(o, "partial", r->partial);
	json_add_string(o, "source", kvmidle_source_name(info->source));
	json_add_string(o, "reason", kvmidle_reason_name(info->reason));
	json_add_string(o, "format", kvmidle_format_name(info->format));
	json_add_uint(o, "levels", info->levels);
	json_add_string(o, "tlb_policy", kvmidle_tlb_policy_name(info->tlb_policy));
	json_add_bool(o, "host_accesses", info->flags & KVM_IDLE_INFO_HOST);
	json_add_bool(o, "aging_shared", info->flags & KVM_IDLE_INFO_SHARED);
	json_add_uint(o, "page_size", info->page_size);
	json_add_uint(o, "passes", r->passes);
	json_add_uint(o, "passes_asked", r->plan.passes);
	json_add_bool(o, "ended_early", r->m->ended_early);
	json_add_bool(o, "slots_changed", r->m->slots_changed);
	json_add_seconds(o, "interval_seconds", r->interval_ns);
	json_add_seconds(o, "window_seconds", r->m->window_ns);
	json_add_uint(o, "hot_passes", r->hot_passes);
	json_add_seconds(o, "hot_seconds", r->ages[r->hot_passes].ns);
	json_add_uint(o, "cold_passes", r->cold_passes);
	json_add_seconds(o, "cold_seconds", r->ages[r->cold_passes].ns);
	json_object_object_add(o, "total", total_of(r));
	json_object_object_add(o, "slots", slots_of(r));
	json_object_object_add(o, "idle_ages", ages_of(r));
	if (r->by & BY_SIZE)
		json_object_object_add(o, "by_size", sizes_of(r));
	if (r->by & BY_NODE)
		json_object_object_add(o, "by_node", nodes_of(r));
	return json_print(o, out);
}
