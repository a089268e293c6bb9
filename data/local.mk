pkgconfig_DATA = data/libpcipt.pc

# The boot: a rule, the program that it asks, and two units; doc/boot.md.
boot_files = data/60-pcipt.rules data/pcipt-hold.service data/pcipt-reconcile.service
EXTRA_DIST += $(boot_files:=.in)
CLEANFILES += $(boot_files)
pcipt_hold_SOURCES = tools/hold.c
pcipt_hold_LDADD = libpcipt-core.la
if BOOT
udevrulesdir = $(udevdir)/rules.d
udevrules_DATA = data/60-pcipt.rules
udev_PROGRAMS = pcipt-hold
systemdsystemunit_DATA = data/pcipt-hold.service data/pcipt-reconcile.service

# As systemd's own units that go with a rule, they need not be enabled; `systemctl mask` and
# "libpcipt=off" on the kernel's command line keep them from running.
boot_links = sysinit.target.wants/pcipt-hold.service multi-user.target.wants/pcipt-reconcile.service
install-data-local:
	for link in $(boot_links); do \
		$(MKDIR_P) "$(DESTDIR)$(systemdsystemunitdir)/$${link%/*}" && \
		ln -sf "../$${link##*/}" "$(DESTDIR)$(systemdsystemunitdir)/$$link" || exit 1; \
	done
uninstall-local:
	for link in $(boot_links); do rm -f "$(DESTDIR)$(systemdsystemunitdir)/$$link"; done
endif

$(boot_files): %: %.in Makefile
	@$(MKDIR_P) data
	$(AM_V_GEN)$(SED) -e 's|@udevdir[@]|$(udevdir)|g' -e 's|@bindir[@]|$(bindir)|g' $< >$@.tmp && mv $@.tmp $@
