/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See mountinfo.h. */
#include "usage/mountinfo.h"

#include <ctype.h>
#include <stdio.h>

/* Decodes "\040" and its like in place: three octal digits (proc(5)). */
static void decode(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

static char *next_line(char **table)
{
	char *line = *table, *end = strchr(line, '\n');

	*table = end ? end + 1 : line + strlen(line);
	if (end)
		*end = '\0';
	return line;
}

/* The next word of a line, or NULL. */
static char *next_word(char **line)
{
	char *word = *line + strspn(*line, " \t"), *end = word + strcspn(word, " \t");

	if (!*word)
		return NULL;
	*line = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

bool pcipt_device_number_scan(const char *text, unsigned int *major, unsigned int *minor)
{
	const char *colon = text ? strchr(text, ':') : NULL;
	char rest;

	/* The C library takes blanks and signs for a part of a number. */
	return colon && isdigit((unsigned char)*text) && isdigit((unsigned char)colon[1]) &&
	       sscanf(text, "%9u:%9u%c", major, minor, &rest) == 2;
}

/* 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue */
int pcipt_mount_next(char **table, struct pcipt_mount *mount)
{
	char *line = next_line(table), *word, *point;

	if (!*line)
		return **table ? -1 : 0;
	if (!next_word(&line) || !next_word(&line) ||
	    !pcipt_device_number_scan(next_word(&line), &mount->major, &mount->minor) ||
	    !next_word(&line))
		return -1;
	mount->point = point = next_word(&line);
	/* Any number of fields stands before the lone dash. */
	do
		word = next_word(&line);
	while (word && strcmp(word, "-") != 0);
	mount->type = next_word(&line);
	/* A source may be empty, and then there are two blanks. */
	word = line;
	line += strcspn(line, " ");
	if (*line)
		*line++ = '\0';
	mount->source = word;
	mount->options = line;
	if (!point || !mount->type)
		return -1;
	decode(point);
	decode(word);
	return 1;
}

/* Filename Type Size Used Priority, and a first line that says so. */
int pcipt_swap_next(char **table, struct pcipt_swap *swap)
{
	static const char gone[] = " (deleted)";
	char *line = next_line(table), *path, *type;
	size_t n;

	if (strncmp(line, "Filename", 8) == 0)
		line = next_line(table);
	if (!*line)
		return **table ? -1 : 0;
	path = next_word(&line);
	type = next_word(&line);
	if (!path || !type)
		return -1;
	decode(path);
	n = strlen(path);
	if (n > sizeof(gone) - 1 && strcmp(path + n - (sizeof(gone) - 1), gone) == 0)
		path[n - (sizeof(gone) - 1)] = '\0';
	swap->path = path;
	swap->is_file = strcmp(type, "file") == 0;
	return 1;
}

bool pcipt_fstab_next(char **table, struct pcipt_fstab *entry)
{
	while (**table) {
		char *line = next_line(table), *spec = next_word(&line), *point = next_word(&line);

		if (!spec || *spec == '#' || !point)
			continue;
		decode(spec);
		decode(point);
		entry->spec = spec;
		entry->point = point;
		return true;
	}
	return false;
}
