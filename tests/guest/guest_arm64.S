/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the guest runs: EL1 with its MMU off, no stack, no data but what its
 * registers point at. The VMM copies it to the guest's first page.
 *
 * A piece ends with a store to the doorbell at x7, where no memory is: KVM
 * hands that to the VMM. As KVM then skips the store when the vCPU runs next,
 * whatever its registers say by then, each piece begins with a nop.
 */
	.section .rodata
	.balign	2048
	.globl	guest_code, guest_touch, guest_spin, guest_read, guest_write, guest_code_end
guest_code:

/* Touch the x0 entries at x1, each the address of a dword, + 1 to write it. */
guest_touch:
	nop
	cbz	x0, 3f
1:	ldr	w8, [x1], #4
	tbz	w8, #0, 2f
	sub	w8, w8, #1
	ldr	w9, [x8]
	str	w9, [x8]	/* a write that changes nothing */
	b	4f
2:	ldr	w9, [x8]
4:	sub	x0, x0, #1
	cbnz	x0, 1b
3:	str	wzr, [x7]
	b	.

/* Read a dword in each page, of x6 bytes, of [x2, x3) and count the sweep at x4, for ever. */
guest_spin:
	nop
1:	mov	x8, x2
2:	ldr	w9, [x8]
	add	x8, x8, x6
	cmp	x8, x3
	b.lo	2b
	ldr	w9, [x4]
	add	w9, w9, #1
	str	w9, [x4]
	b	1b

/* Read a dword in each page of [x2, x3), once. */
guest_read:
	nop
1:	ldr	w9, [x2]
	add	x2, x2, x6
	cmp	x2, x3
	b.lo	1b
	str	wzr, [x7]
	b	.

/* Write its address there. Nothing is read: that may be a fault of its own. */
guest_write:
	nop
1:	str	w2, [x2]
	add	x2, x2, x6
	cmp	x2, x3
	b.lo	1b
	str	wzr, [x7]
	b	.

/* The vectors of an exception taken from EL1: tell the VMM, by another doorbell. */
	.org	guest_code + 0x200
	.rept	4
	str	wzr, [x7, #8]
	b	.
	.balign	0x80
	.endr

guest_code_end:
	.section .note.GNU-stack, "", @progbits
