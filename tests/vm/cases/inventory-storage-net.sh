#!/bin/sh
# See inventory.sh.
# by hand: --topology storage-net; kernels 6.1 6.12; iommus intel
. "$(dirname "$0")/inventory.sh"
