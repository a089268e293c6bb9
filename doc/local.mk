EXTRA_DIST += doc/architecture.md doc/kernel-notes.md doc/records.md doc/runtime-folder.md
