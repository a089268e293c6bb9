/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small helpers without any knowledge of PCI or of the kernel. */
#include "base/util.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

char *pcipt_format(const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	return s;
}

/* The length of the UTF-8 sequence at s, or 0 where there is no valid one. */
static size_t utf8_length(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 :
		   s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if (n == 3 && ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f)))
		return 0;
	if (n == 4 && ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)))
		return 0;
	return n;
}

void pcipt_text_neutralise(char *text)
{
	unsigned char *s = (unsigned char *)text;

	while (*s) {
		size_t n = utf8_length(s);
		/* C1 controls (U+0080 to U+009F) are escapes on some terminals. */
		bool c1 = n == 2 && s[0] == 0xc2 && s[1] < 0xa0;

		if (n == 0 || *s < 0x20 || *s == 0x7f) {
			*s++ = '?';
		} else if (c1) {
			*s++ = '?';
			*s++ = '?';
		} else {
			s += n;
		}
	}
}

bool pcipt_grow_(void **items, size_t n, size_t size)
{
	void *more;

	/* Powers of two from 4 on: full exactly when n is one of them. */
	if (n != 0 && (n < 4 || (n & (n - 1)) != 0))
		return true;
	more = reallocarray(*items, n ? n * 2 : 4, size);
	if (!more)
		return false;
	*items = more;
	return true;
}

int64_t pcipt_boot_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

double pcipt_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}
