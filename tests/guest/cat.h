/* SPDX-License-Identifier: GPL-2.0-only */
/* Somebody in another process who cats the file of this one all the time. */
#ifndef CAT_H
#define CAT_H

#include <sys/types.h>

struct cat {
	pid_t pid;
	volatile unsigned long *passes;	/* whole files read so far; goes on by itself */
};

void cat_start(struct cat *cat);

/* Dies if it has failed. */
void cat_stop(struct cat *cat);

#endif
