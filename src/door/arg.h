/* SPDX-License-Identifier: GPL-2.0-only */
/* The arguments of our ioctls: structs whose first member is their size. */
#ifndef KI_DOOR_ARG_H
#define KI_DOOR_ARG_H

#include <linux/minmax.h>
#include <linux/uaccess.h>

/**
 * ki_get_arg() - fetch an argument
 * @to: where to
 * @known: size of the struct as this module knows it
 * @least: size of its first version
 * @from: the caller's
 *
 * What the caller does not know of reads as zero.
 *
 * Return: how many bytes of it both sides know; -EFAULT; -EINVAL if it is
 * below @least; -E2BIG if the caller sets what the module does not know.
 */
static inline long ki_get_arg(void *to, size_t known, size_t least,
			      const void __user *from)
{
	u32 size;
	int err;

	if (get_user(size, (const u32 __user *)from))
		return -EFAULT;
	if (size < least)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	err = copy_struct_from_user(to, known, from, size);
	return err ?: min_t(size_t, size, known);
}

#endif /* KI_DOOR_ARG_H */
