// SPDX-License-Identifier: GPL-2.0-only
/* kvmidle map: where in the VMM guest memory lies, and the other way round. */
#include "json.h"
#include "parse.h"
#include "table.h"
#include "target.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

static const struct cmd_option options[] = {
	{ "hva", 'a', NULL,
	  "ADDRESS is one of the VMM, not of the guest" },
	OPTION_VM,
	OPTION_PARTIAL,
	OPTION_JSON,
	{ 0 }
};

static const char text[] =
"Shows the memory slots of a virtual machine: which guest addresses (gpa) there\n"
"are, where in the address space of the process that runs it (hva) they lie, how\n"
"much of each slot the guest has been given so far, and whether the guest may\n"
"only read it. With an ADDRESS, it says where that one is on the other side. It\n"
"changes nothing.\n"
"\n"
"Examples:\n"
"  kvmidle map web1                       all slots\n"
"  kvmidle map web1 0x100000              the VMM's address of this guest address\n"
"  kvmidle map --hva web1 0x7f12a0000000  and back\n";

struct arguments {
	struct common common;
	bool hva;
	const char *address;	/* NULL: all slots */
	uint64_t value;
};

static int own_option(const struct command *self, int letter, void *arg)
{
	struct arguments *a = arg;

	(void)self;
	(void)letter;	/* there is one */
	a->hva = true;
	return EXIT_OK;
}

static json_object *head_json(const struct target *t)
{
	json_object *o = json_object_new_object();

	json_add_uint(o, "version", JSON_VERSION);
	json_add_uint(o, "pid", t->pid);
	json_add_string(o, "name", t->name);
	json_add_uint(o, "vm", t->index);
	return o;
}

/* ---- All slots ------------------------------------------------------------ */

static json_object *slot_json(const struct kvm_idle_slot *slot)
{
	json_object *o = json_object_new_object();

	json_add_uint(o, "id", slot->id);
	json_add_uint(o, "gpa", slot->gpa);
	if (slot->flags & KVM_IDLE_SLOT_NO_HVA)
		json_add_null(o, "hva");
	else
		json_add_uint(o, "hva", slot->hva);
	json_add_uint(o, "size_bytes", slot->bytes);
	json_add_uint(o, "mapped_bytes", slot->mapped_bytes);
	json_add_bool(o, "readonly", slot->flags & KVM_IDLE_SLOT_READONLY);
	return o;
}

static int print_json(const struct target *t, const struct kvmidle_slots *slots)
{
	json_object *o = head_json(t), *array = json_object_new_array();
	size_t i;

	for (i = 0; i < kvmidle_slots_count(slots); i++)
		json_object_array_add(array, slot_json(kvmidle_slots_at(slots, i)));
	json_object_object_add(o, "slots", array);
	return json_print(o, stdout);
}

static void add_row(struct table *table, const struct kvm_idle_slot *slot)
{
	char id[16], gpa[24], end[24], hva[24] = "-";
	char size[SIZE_TEXT], mapped[SIZE_TEXT];
	const char *const cells[] = {
		id, gpa, end, hva, format_size(size, slot->bytes),
		format_size(mapped, slot->mapped_bytes),
		slot->flags & KVM_IDLE_SLOT_READONLY ? "read-only" : "",
	};

	snprintf(id, sizeof(id), "%u", slot->id);
	snprintf(gpa, sizeof(gpa), "0x%" PRIx64, (uint64_t)slot->gpa);
	snprintf(end, sizeof(end), "0x%" PRIx64,
		 (uint64_t)(slot->gpa + slot->bytes - 1));
	if (!(slot->flags & KVM_IDLE_SLOT_NO_HVA))
		snprintf(hva, sizeof(hva), "0x%" PRIx64, (uint64_t)slot->hva);
	table_line(table, cells);
}

static int print_text(const struct kvmidle_slots *slots)
{
	static const struct column columns[] = {
		{ "SLOT", true }, { "GUEST ADDRESS", true }, { "LAST BYTE", true },
		{ "HOST ADDRESS", true }, { "SIZE", true }, { "MAPPED", true },
		{ "FLAGS" }, { 0 }
	};
	struct table *table = table_new(columns, stdout);
	size_t i;

	if (!table)
		return -ENOMEM;
	for (i = 0; i < kvmidle_slots_count(slots); i++)
		add_row(table, kvmidle_slots_at(slots, i));
	return table_print(table);
}

/* ---- One address ---------------------------------------------------------- */

static const struct kvm_idle_slot *slot_of(const struct kvmidle_slots *slots,
					   uint64_t gpa)
{
	size_t i;

	for (i = 0; i < kvmidle_slots_count(slots); i++) {
		const struct kvm_idle_slot *slot = kvmidle_slots_at(slots, i);

		if (gpa >= slot->gpa && gpa - slot->gpa < slot->bytes)
			return slot;
	}
	return NULL;
}

static int print_address(const struct arguments *a, const struct target *t,
			 const struct kvmidle_slots *slots)
{
	uint64_t gpa = a->value, hva = a->value;
	json_object *o;
	int err;

	err = a->hva ? kvmidle_hva_to_gpa(slots, hva, &gpa) :
		       kvmidle_gpa_to_hva(slots, gpa, &hva);
	if (err == -ENODATA)
		return failure("%s lies in a slot without a host mapping (guest_memfd): the VMM has no address for it",
			       a->address);
	if (err)
		return failure("%s is no address of %s memory: 'kvmidle map' shows what there is",
			       a->address, a->hva ? "the VMM that is guest" : "guest");
	if (!a->common.json) {
		printf("0x%" PRIx64 "\n", a->hva ? gpa : hva);
		return EXIT_OK;
	}
	o = head_json(t);
	json_add_uint(o, "gpa", gpa);
	json_add_uint(o, "hva", hva);
	json_add_uint(o, "slot", slot_of(slots, gpa)->id);
	return json_print(o, stdout) ? failure("%s", strerror(ENOMEM)) : EXIT_OK;
}

/* ---- Both ----------------------------------------------------------------- */

/* What a recording had mapped is known of each pass: go to the last one. */
static int go_to_end(const struct target *t)
{
	int err;

	if (!t->is_recording)
		return 0;
	do {
		err = kvmidle_pass_regions(t->vm, NULL, NULL);
	} while (!err);
	return err == -ENODATA ? 0 : err;
}

static int print(const struct arguments *a, const struct target *t)
{
	struct kvmidle_slots *slots = NULL;
	int err, code;

	err = go_to_end(t);
	if (!err)
		err = kvmidle_get_slots(t->vm, a->address ? 0 :
					KVM_IDLE_SLOTS_COUNT_MAPPED, &slots);
	if (err)
		return target_failed(t, err);
	if (a->address) {
		code = print_address(a, t, slots);
	} else {
		err = a->common.json ? print_json(t, slots) : print_text(slots);
		code = err ? failure("%s", strerror(-err)) : EXIT_OK;
	}
	kvmidle_slots_free(slots);
	return code;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct arguments a = { 0 };
	struct target t;
	int code;

	code = parse_options(self, argc, argv, &a.common, own_option, &a);
	if (code != GO_ON)
		return code;
	if (argc - optind == 2) {
		a.address = argv[--argc];
		if (!parse_bytes(a.address, &a.value))
			return usage_error(self, "'%s' is no address: give a number such as 0x100000 or 16M",
					   a.address);
	} else if (a.hva && argc - optind < 2) {
		return usage_error(self, "which address? Give it after the virtual machine");
	}
	code = target_argument(self, argc, argv, KVMIDLE_PEEK, &a.common, &t);
	if (code)
		return code;
	code = print(&a, &t);
	target_close(&t);
	return code;
}

const struct command cmd_map = {
	.name = "map",
	.group = GROUP_LOOK,
	.args = "TARGET [ADDRESS]",
	.summary = "where in the VMM guest memory lies",
	.text = text,
	.options = options,
	.run = run,
};
