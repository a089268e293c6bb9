bin_PROGRAMS += pcipt
pcipt_SOURCES = \
	tools/bind.c \
	tools/claims.c \
	tools/forget.c \
	tools/monitor.c \
	tools/common.c tools/common.h \
	tools/fail.c \
	tools/groups.c \
	tools/list.c \
	tools/main.c \
	tools/options.c \
	tools/output.c \
	tools/pick.c \
	tools/plan.c \
	tools/recover.c \
	tools/release.c \
	tools/show.c \
	tools/unclaimed.c \
	tools/version.c
pcipt_CFLAGS = $(AM_CFLAGS) $(JSON_C_CFLAGS)
pcipt_LDADD = libpcipt.la $(JSON_C_LIBS)

dist_man8_MANS = tools/pcipt.8 tools/pcipt-record.8
dist_bin_SCRIPTS = tools/pcipt-record
dist_bashcompletion_DATA = tools/completions/pcipt.bash
bashcompletiondir = @bashcompletiondir@

# The completion is found by the command's name.
install-data-hook:
	mv -f "$(DESTDIR)$(bashcompletiondir)/pcipt.bash" "$(DESTDIR)$(bashcompletiondir)/pcipt"

uninstall-hook:
	rm -f "$(DESTDIR)$(bashcompletiondir)/pcipt"
