EXTRA_DIST += examples/Makefile examples/bind-release.c examples/python
