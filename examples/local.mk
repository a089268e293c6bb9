EXTRA_DIST += examples/Makefile \
	examples/bind-release.c \
	examples/list.c \
	examples/safe-set.c \
	examples/go \
	examples/python
