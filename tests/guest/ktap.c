// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ktap.h"

static struct {
	size_t planned, ended, failed;
	char name[128];
	char skip[160];
	unsigned int expected, unmet;
} ktap;

void ktap_plan(size_t n)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n1..%zu\n", n);
	ktap.planned = n;
}

void ktap_begin(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(ktap.name, sizeof(ktap.name), fmt, ap);
	va_end(ap);
	ktap.skip[0] = 0;
	ktap.expected = ktap.unmet = 0;
}

void ktap_end(void)
{
	bool skipped = ktap.skip[0];
	bool ok = !ktap.unmet && (ktap.expected || skipped);

	if (!ok && !ktap.unmet)
		ktap_diag("the test asserted nothing");
	ktap.ended++;
	ktap.failed += !ok;
	printf("%sok %zu - %s%s%s\n", ok ? "" : "not ", ktap.ended, ktap.name,
	       ok && skipped ? " # SKIP " : "", ok && skipped ? ktap.skip : "");
}

int ktap_status(void)
{
	if (ktap.ended != ktap.planned)
		ktap_diag("%zu tests planned, %zu run", ktap.planned, ktap.ended);
	return ktap.failed || ktap.ended != ktap.planned;
}

int ktap_run(void (*setup)(void), const struct ktap_test *tests, size_t n)
{
	ktap_plan(n);
	if (setup)
		setup();
	for (; n; n--, tests++) {
		ktap_begin("%s", tests->name);
		tests->run();
		ktap_end();
	}
	return ktap_status();
}

void ktap_diag(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("# ");
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
}

void ktap_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(ktap.skip, sizeof(ktap.skip), fmt, ap);
	va_end(ap);
}

bool ktap_expect(bool ok, const char *file, int line, const char *expression,
		 const char *fmt, ...)
{
	va_list ap;
	int err = errno;

	ktap.expected++;
	if (ok)
		return true;
	/* One broken loop must not drown the rest. */
	if (ktap.unmet++ < 20) {
		va_start(ap, fmt);
		printf("# %s:%d: %s: ", file, line, expression);
		errno = err;
		vprintf(fmt, ap);
		printf("\n");
		va_end(ap);
	}
	return false;
}

void die(const char *fmt, ...)
{
	va_list ap;
	int err = errno;

	va_start(ap, fmt);
	printf("Bail out! ");
	errno = err;
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	fflush(stdout);
	/* Not exit(): a child that dies must not flush its parent's buffers twice. */
	_Exit(1);
}
