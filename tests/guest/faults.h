/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's fault injection: one failure on the path of one system call. */
#ifndef FAULTS_H
#define FAULTS_H

#include <stdbool.h>

enum faults_kind {
	FAULTS_ALLOCATIONS,	/* slab objects and pages */
	FAULTS_COPIES,		/* from and to the caller */
};

/* NULL if this kernel can inject them, else why it cannot. */
const char *faults_missing(void);

/* What is to fail from now on: only below a function of kvm_idle.ko, or anywhere. */
void faults_choose(enum faults_kind kind, bool in_module);

/*
 * Have the @nth one fail that the caller meets. faults_disarm() says whether it came
 * to that.
 */
void faults_arm(unsigned int nth);
bool faults_disarm(void);

#endif
