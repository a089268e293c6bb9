#!/bin/sh
# See inventory.sh.
# by hand: --topology sriov; kernels 6.1 6.12; iommus intel
. "$(dirname "$0")/inventory.sh"
