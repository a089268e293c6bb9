#!/bin/sh
# The same for a group with bridges in it, of which one endpoint after the other is taken.
# run: --topology shared-bridge; kernels 6.12; iommus intel
# all: --topology shared-bridge; kernels 6.1 6.12; iommus intel
# takes: 22
script=shared-bridge
. "$(dirname "$0")/conformance.inc"
