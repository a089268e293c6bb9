#!/bin/sh
# See inventory.sh.
# by hand: --topology shared-bridge; kernels 6.1 6.12; iommus intel
. "$(dirname "$0")/inventory.sh"
