// SPDX-License-Identifier: GPL-2.0-only
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/ptrace.h>
#include <linux/string.h>

#include "compat/hidden.h"
#include "compat/redirect.h"

/*
 * A kprobe at the place where ftrace hooks a function is done by ftrace, and
 * refused where ftrace is. So the probe goes to the first instruction after
 * that place, where arguments, stack and return address are as at the entry.
 * How far in that is depends on what the compiler and ftrace have put there,
 * which is looked at and not guessed.
 *
 * ki_after_ftrace() - bytes from a function's entry to that instruction
 * Return: that, or -EOPNOTSUPP if it begins in a way that is not known here.
 */
#if !defined(CONFIG_FUNCTION_TRACER)

static int ki_after_ftrace(const void *entry)
{
	return 0;
}

#elif defined(CONFIG_X86_64)

#define KI_HOOK_BYTES	5

/*
 * endbr64, or what the kernel puts there at boot, on processors with IBT, where
 * nobody takes the function's address (gen_endbr_poison() in asm/ibt.h: the
 * former until Linux 6.12 at least, the latter in 7.2).
 */
static bool ki_is_landing(const u8 *insn)
{
	static const u8 landings[][4] = {
		{ 0xf3, 0x0f, 0x1e, 0xfa },
		{ 0x66, 0x0f, 0x1f, 0x00 },
		{ 0x0f, 0x1f, 0x40, 0xd6 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(landings); i++)
		if (!memcmp(insn, landings[i], sizeof(landings[i])))
			return true;
	return false;
}

#define KI_LANDING_BYTES	4

/* [landing]; then a call, or a nop as long as one. */
static int ki_after_ftrace(const void *entry)
{
	static const u8 nop[] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };
	static const u8 k8_nop[] = { 0x66, 0x66, 0x66, 0x66, 0x90 };
	const u8 *insn = entry;

	if (ki_is_landing(insn))
		insn += KI_LANDING_BYTES;
	if (*insn != CALL_INSN_OPCODE && memcmp(insn, nop, sizeof(nop)) &&
	    memcmp(insn, k8_nop, sizeof(k8_nop)))
		return -EOPNOTSUPP;
	return insn + KI_HOOK_BYTES - (const u8 *)entry;
}

#elif defined(CONFIG_ARM64)

#define KI_BTI_C	0xd503245f
#define KI_NOP		0xd503201f
#define KI_MOV_X9_LR	0xaa1e03e9
#define KI_BL_MASK	0xfc000000
#define KI_BL		0x94000000

/* [bti c]; nop or mov x9, x30; nop or bl. */
static int ki_after_ftrace(const void *entry)
{
	const __le32 *insn = entry;
	u32 first, second;

	if (le32_to_cpu(*insn) == KI_BTI_C)
		insn++;
	first = le32_to_cpu(insn[0]);
	second = le32_to_cpu(insn[1]);
	if ((first != KI_NOP && first != KI_MOV_X9_LR) ||
	    (second != KI_NOP && (second & KI_BL_MASK) != KI_BL))
		return -EOPNOTSUPP;
	return (const void *)(insn + 2) - entry;
}

#else

static int ki_after_ftrace(const void *entry)
{
	return -EOPNOTSUPP;
}

#endif

static int ki_before_probed(struct kprobe *probe, struct pt_regs *regs)
{
	struct ki_redirect *r = container_of(probe, struct ki_redirect, probe);

	if (!r->wanted(regs_get_kernel_argument(regs, 0),
		       regs_get_kernel_argument(regs, 1)))
		return 0;
	instruction_pointer_set(regs, (unsigned long)r->target);
	return 1;
}

NOKPROBE_SYMBOL(ki_before_probed);

/* That there is one keeps the probe from being made a jump, which cannot redirect. */
static void ki_after_probed(struct kprobe *probe, struct pt_regs *regs,
			    unsigned long flags)
{
}

NOKPROBE_SYMBOL(ki_after_probed);

static int ki_kprobe_start(struct ki_redirect *r)
{
	const void *entry = ki_find_function(r->function);
	int offset;

	if (!entry)
		return -ENOENT;
	offset = ki_after_ftrace(entry);
	if (offset < 0)
		return offset;

	memset(&r->probe, 0, sizeof(r->probe));
	r->probe.symbol_name = r->function;
	r->probe.offset = offset;
	r->probe.pre_handler = ki_before_probed;
	r->probe.post_handler = ki_after_probed;
	return register_kprobe(&r->probe);
}

/* Waits until no handler runs any more. */
static void ki_kprobe_stop(struct ki_redirect *r)
{
	unregister_kprobe(&r->probe);
}

const struct ki_redirector ki_redirect_kprobe = {
	.name	= "kprobe",
	.hint	= "are kprobes disarmed in debugfs, or has a live patch replaced it?",
	.start	= ki_kprobe_start,
	.stop	= ki_kprobe_stop,
};
