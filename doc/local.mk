EXTRA_DIST += doc/architecture.md doc/boot.md doc/kernel-notes.md doc/peers.md doc/records.md doc/releasing.md \
	doc/runtime-folder.md
