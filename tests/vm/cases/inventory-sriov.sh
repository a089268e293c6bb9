#!/bin/sh
# See inventory.sh.
# run: --topology sriov; kernels 6.12; iommus intel
. "$(dirname "$0")/inventory.sh"
