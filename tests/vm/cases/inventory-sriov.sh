#!/bin/sh
# See inventory.sh.
# run: --topology sriov; kernels 6.12; iommus intel
# takes: 30
. "$(dirname "$0")/inventory.sh"
