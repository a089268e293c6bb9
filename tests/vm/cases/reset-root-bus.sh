#!/bin/sh
# On a root bus nothing is reset with anything, and some can't be reset at all.
# run: --topology gpu-pair; kernels 6.12; iommus intel
# all: --topology gpu-pair; kernels 6.1 6.12; iommus intel
# takes: 34
. "$(dirname "$0")/reset.inc"
compare_all
finish
