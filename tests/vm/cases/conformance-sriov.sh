#!/bin/sh
# The same for virtual functions, their physical ones, and bridges.
# run: --topology sriov; kernels 6.1; iommus intel
# all: --topology sriov; kernels 6.1 6.12; iommus intel
# takes: 37
script=sriov
. "$(dirname "$0")/conformance.inc"
