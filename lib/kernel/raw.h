/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * System calls without the C library, which keeps errno in thread-local storage: lanes
 * of the helper share one memory and have no such storage of their own. Where the
 * instruction isn't known here, lanes are processes with memory of their own, and the
 * C library's call does.
 */
#ifndef PCIPT_KERNEL_RAW_H
#define PCIPT_KERNEL_RAW_H

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__) && !defined(__ILP32__) && !defined(PCIPT_NO_RAW_CALLS)
#define PCIPT_RAW_CALLS 1
static inline long pcipt_raw6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__) && !defined(PCIPT_NO_RAW_CALLS)
#define PCIPT_RAW_CALLS 1
static inline long pcipt_raw6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}
#else
#define PCIPT_RAW_CALLS 0
static inline long pcipt_raw6(long nr, long a, long b, long c, long d, long e, long f)
{
	long result = syscall(nr, a, b, c, d, e, f);

	return result < 0 ? -errno : result;
}
#endif

/* The result, or -errno. */
#define pcipt_raw(nr, a, b, c, d) pcipt_raw6(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

#endif
