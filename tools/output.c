/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The only way to standard output and standard error. What comes from the machine
 * is never passed on as it is: a device's name may hold terminal escapes.
 */
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common.h"

/* Decodes one character; returns its length in bytes, or 0 where the text isn't valid UTF-8. */
static int decode(const unsigned char *p, uint32_t *out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	int length = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 :
		     p[0] < 0xf5 ? 4 : 0;
	uint32_t c = length > 1 ? p[0] & (0x7fu >> length) : p[0];

	for (int i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (length > 1 && (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)))
		return 0;
	*out = c;
	return length;
}

/* Controls of C0 and C1, and those that turn the direction of writing or end a line. */
static bool is_hostile(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* Takes one character from *text and writes its harmless form; returns the columns it needs. */
static int neutralise(const char **text, char form[16])
{
	const unsigned char *p = (const unsigned char *)*text;
	uint32_t c = 0;
	int length = decode(p, &c);

	*text += length ? length : 1;
	if (!length)
		return snprintf(form, 16, "\\x%02x", p[0]);
	if (is_hostile(c))
		return snprintf(form, 16, c < 0x80 ? "\\x%02x" : "\\u%04x", c);
	memcpy(form, p, (size_t)length);
	form[length] = '\0';
	return 1;
}

int columns(const char *text)
{
	char form[16];
	int n = 0;

	if (!text)
		return 1;
	while (*text)
		n += neutralise(&text, form);
	return n;
}

static void say_text(FILE *file, const char *text, bool left, int width, int precision)
{
	int need, n = 0, room;
	char form[16];

	text = text ? text : "-";
	need = columns(text);
	room = precision >= 0 && need > precision ? precision : INT_MAX;
	for (int pad = need < room ? need : room; !left && pad < width; pad++)
		putc(' ', file);
	while (*text) {
		int more = neutralise(&text, form);

		if (room != INT_MAX && n + more > room - 3)
			break;
		fputs(form, file);
		n += more;
	}
	for (int dots = 0; room != INT_MAX && dots < 3 && n < room; dots++, n++)
		putc('.', file);
	for (; left && n < width; n++)
		putc(' ', file);
}

static int read_number(const char **p, va_list *ap)
{
	int n = 0;

	if (**p == '*') {
		(*p)++;
		return va_arg(*ap, int);
	}
	for (; **p >= '0' && **p <= '9'; (*p)++)
		n = n * 10 + **p - '0';
	return n;
}

/* One conversion, after its '%'; returns where it ends. */
static const char *say_one(FILE *file, const char *p, va_list *ap)
{
	int width, precision = -1;
	bool left = *p == '-';

	p += left;
	width = read_number(&p, ap);
	if (*p == '.') {
		p++;
		precision = read_number(&p, ap);
	}
	if (*p == 's') {
		say_text(file, va_arg(*ap, const char *), left, width, precision);
	} else if (*p == 'd') {
		(void)fprintf(file, left ? "%-*d" : "%*d", width, va_arg(*ap, int));
	} else if (*p == 'z') {
		(void)fprintf(file, left ? "%-*zu" : "%*zu", width, va_arg(*ap, size_t));
		p++;
	} else {
		putc('%', file);
	}
	return p + 1;
}

void say(FILE *file, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	while (*format) {
		if (*format == '%')
			format = say_one(file, format + 1, &ap);
		else
			putc(*format++, file);
	}
	va_end(ap);
}

int terminal_columns(void)
{
	struct winsize size = { 0 };

	if (!isatty(STDOUT_FILENO))
		return 0;
	/* A serial console doesn't know its size. */
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

int print_json(struct json_object *object)
{
	const char *text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_NOSLASHESCAPE);

	if (!text)
		return 1;
	/* json-c escapes C0 only, and passes on what is no UTF-8: no reader would take that. */
	while (*text) {
		const char *start = text;
		uint32_t c = 0;
		int length = decode((const unsigned char *)text, &c);

		text += length ? length : 1;
		if (!length)
			fputs("\\ufffd", stdout);
		else if (is_hostile(c))
			fprintf(stdout, "\\u%04x", c);
		else
			(void)fwrite(start, 1, (size_t)length, stdout);
	}
	putc('\n', stdout);
	return 0;
}
