/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the guest runs: 32-bit protected mode, no stack, no data
 * but what its registers point at. The VMM copies it to the guest's first page.
 */
	.section .rodata
	.code32

	.globl	guest_code, guest_touch, guest_spin, guest_read, guest_write
	.globl	guest_vmrun, guest_vmmcall, guest_code_end
guest_code:

/* Touch the ecx entries at esi, each the address of a dword, + 1 to write it. */
guest_touch:
	jecxz	2f
1:	lodsl
	testb	$1, %al
	jz	3f
	addl	$0, -1(%eax)	/* a write that changes nothing */
	jmp	4f
3:	movl	(%eax), %edx
4:	decl	%ecx
	jnz	1b
2:	hlt

/* Read a dword in each page of [ebx, edx) and count the sweep at edi, for ever. */
guest_spin:
	movl	%ebx, %eax
1:	movl	(%eax), %esi
	addl	$4096, %eax
	cmpl	%edx, %eax
	jb	1b
	incl	(%edi)
	jmp	guest_spin

/* Read a dword in each page of [ebx, edx), once. */
guest_read:
1:	movl	(%ebx), %esi
	addl	$4096, %ebx
	cmpl	%edx, %ebx
	jb	1b
	hlt

/* Write its address there. Nothing is read: that may be a fault of its own. */
guest_write:
1:	movl	%ebx, (%ebx)
	addl	$4096, %ebx
	cmpl	%edx, %ebx
	jb	1b
	hlt

/* Run a guest of one's own, whose VMCB is at ebx, until it exits. */
guest_vmrun:
	movl	%ebx, %eax
	vmrun
	stgi
	hlt

/* That guest: call its host. */
guest_vmmcall:
	vmmcall

guest_code_end:
	.section .note.GNU-stack, "", @progbits
