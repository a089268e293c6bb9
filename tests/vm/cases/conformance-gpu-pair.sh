#!/bin/sh
# What the kernel does with bind, unbind, overrides, modules, groups and held devices, operation
# by operation, as the simulated kernel was taught it; then the library's own writes, failing ones too.
# run: --topology gpu-pair; kernels 6.12; iommus intel
# all: --topology gpu-pair; kernels 6.1 6.12; iommus intel
# takes: 44
script=gpu-pair
. "$(dirname "$0")/conformance.inc"
