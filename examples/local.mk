EXTRA_DIST += examples/Makefile \
	examples/bind-release.c \
	examples/list.c \
	examples/mini-controller.c \
	examples/monitor.c \
	examples/safe-set.c \
	examples/go \
	examples/python
