/* SPDX-License-Identifier: GPL-2.0-only */
/* What the actor of a struct dir_context returns. */
#ifndef KI_COMPAT_FILLDIR_H
#define KI_COMPAT_FILLDIR_H

#include <linux/fs.h>

#ifdef HAVE_FILLDIR_BOOL

typedef bool ki_filldir_t;

#define KI_FILLDIR_GO_ON	true
#define KI_FILLDIR_STOP		false

#else

typedef int ki_filldir_t;

#define KI_FILLDIR_GO_ON	0
#define KI_FILLDIR_STOP		(-ENOSPC)	/* any error; nobody looks at it */

#endif

#endif /* KI_COMPAT_FILLDIR_H */
