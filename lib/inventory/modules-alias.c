/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines, patterns, and a glob matcher that never goes back further than the last '*'. */
#include "inventory/modules-alias.h"

/* A part of the file's text. */
struct word {
	const char *p;
	size_t length;
};

/* One step of a pattern at `p`: its length, and whether it takes the character c. */
static size_t set_step(const char *p, const char *end, char c, bool *takes)
{
	const char *close = memchr(p, ']', (size_t)(end - p));
	unsigned char u = (unsigned char)c;

	*takes = false;
	if (!close || p[1] == '!' || p[1] == '^')
		return 1;
	for (const char *q = p + 1; q < close; q++) {
		unsigned char low = (unsigned char)*q, high = low;

		if (close - q > 2 && q[1] == '-') {
			high = (unsigned char)q[2];
			q += 2;
		}
		*takes |= low <= u && u <= high;
	}
	return (size_t)(close + 1 - p);
}

static size_t glob_step(const char *p, const char *end, char c, bool *takes)
{
	if (*p == '[')
		return set_step(p, end, c, takes);
	*takes = *p == '?' || *p == c;
	return 1;
}

bool pcipt_alias_glob(const char *pattern, size_t pattern_length, const char *text)
{
	const char *p = pattern, *end = pattern + pattern_length;
	const char *star = NULL, *star_text = NULL;

	/* What a '*' took only grows: when the rest fails, it takes one more. */
	while (*text) {
		bool takes = false;

		if (p < end && *p == '*') {
			star = ++p;
			star_text = text;
			continue;
		}
		if (p < end) {
			size_t step = glob_step(p, end, *text, &takes);

			if (takes)
				p += step;
		}
		if (takes) {
			text++;
		} else if (star) {
			p = star;
			text = ++star_text;
		} else {
			return false;
		}
	}
	while (p < end && *p == '*')
		p++;
	return p == end;
}

static unsigned int count_wildcards(struct word pattern)
{
	const char *p = pattern.p, *end = p + pattern.length;
	unsigned int n = 0;
	bool takes;

	while (p < end) {
		n += *p == '*' || *p == '?' || *p == '[';
		p += glob_step(p, end, 'x', &takes);
	}
	return n;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The next word of a line, cut off its front; empty at the end. */
static struct word next_word(struct word *line)
{
	struct word word;

	while (line->length > 0 && is_blank(*line->p))
		line->p++, line->length--;
	word = (struct word){ line->p, 0 };
	while (line->length > 0 && !is_blank(*line->p))
		line->p++, line->length--, word.length++;
	return word;
}

/* A name ends in paths and on command lines: nothing but what module names are made of. */
static bool is_module_name(struct word name)
{
	if (name.length == 0 || name.length >= PCIPT_MODULE_NAME_SIZE)
		return false;
	for (size_t i = 0; i < name.length; i++) {
		char c = name.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    c != '_' && c != '-' && c != '+' && !(c == '.' && i > 0))
			return false;
	}
	return name.p[0] != '-';
}

static void copy_name(char to[PCIPT_MODULE_NAME_SIZE], struct word name)
{
	memcpy(to, name.p, name.length);
	to[name.length] = '\0';
}

static void add_module(struct pcipt_alias_matches *matches, struct word name)
{
	for (size_t i = 0; i < matches->n_modules; i++)
		if (strlen(matches->modules[i]) == name.length &&
		    memcmp(matches->modules[i], name.p, name.length) == 0)
			return;
	if (matches->n_modules < PCIPT_ALIAS_MODULES_MAX)
		copy_name(matches->modules[matches->n_modules++], name);
	else
		matches->more = true;
}

static void consider_vfio(struct pcipt_alias_matches *matches, struct word pattern,
			  struct word name)
{
	unsigned int wildcards = count_wildcards(pattern);

	if (matches->vfio[0] && matches->vfio_wildcards <= wildcards)
		return;
	copy_name(matches->vfio, name);
	matches->vfio_wildcards = wildcards;
}

static bool skip_prefix(struct word *word, const char *prefix)
{
	size_t n = strlen(prefix);

	if (word->length < n || memcmp(word->p, prefix, n) != 0)
		return false;
	word->p += n;
	word->length -= n;
	return true;
}

/* `ids` is the modalias without its "pci:". */
static void match_line(struct word line, const char *ids, struct pcipt_alias_matches *matches)
{
	struct word keyword = next_word(&line), pattern, name;
	bool vfio;

	if (!skip_prefix(&keyword, "alias") || keyword.length > 0)
		return;
	pattern = next_word(&line);
	vfio = skip_prefix(&pattern, "vfio_pci:");
	if ((!vfio && !skip_prefix(&pattern, "pci:")) ||
	    !pcipt_alias_glob(pattern.p, pattern.length, ids))
		return;
	name = next_word(&line);
	if (!is_module_name(name) || next_word(&line).length > 0)
		matches->damaged = true;
	else if (vfio)
		consider_vfio(matches, pattern, name);
	else
		add_module(matches, name);
}

/* The next line, without its newline, cut off the front of the text. */
static struct word next_line(struct word *text)
{
	const char *newline = memchr(text->p, '\n', text->length);
	struct word line = { text->p, newline ? (size_t)(newline - text->p) : text->length };
	size_t n = line.length + (newline != NULL);

	text->p += n;
	text->length -= n;
	return line;
}

size_t pcipt_modules_alias_keep_pci(char *text, size_t length)
{
	struct word rest = { text, length };
	size_t kept = 0;

	while (rest.length > 0) {
		struct word line = next_line(&rest), words = line, keyword = next_word(&words);
		struct word pattern = next_word(&words);

		if (!skip_prefix(&keyword, "alias") || keyword.length > 0 ||
		    (!skip_prefix(&pattern, "vfio_pci:") && !skip_prefix(&pattern, "pci:")))
			continue;
		memmove(text + kept, line.p, line.length);
		kept += line.length;
		/* The last line may lack its newline; then there is room for none. */
		if (kept < length)
			text[kept++] = '\n';
	}
	return kept;
}

void pcipt_modules_alias_match(const char *text, size_t length, const char *modalias,
			       struct pcipt_alias_matches *matches)
{
	struct word rest = { text, length };

	memset(matches, 0, sizeof(*matches));
	if (!modalias || strncmp(modalias, "pci:", 4) != 0 ||
	    strnlen(modalias, PCIPT_MODALIAS_MAX + 1) > PCIPT_MODALIAS_MAX)
		return;
	while (rest.length > 0)
		match_line(next_line(&rest), modalias + 4, matches);
}
