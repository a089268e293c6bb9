EXTRA_DIST += doc/architecture.md doc/kernel-notes.md doc/runtime-folder.md
