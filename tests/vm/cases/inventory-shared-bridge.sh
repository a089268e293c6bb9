#!/bin/sh
# See inventory.sh.
# run: --topology shared-bridge; kernels 6.1; iommus intel
# takes: 22
. "$(dirname "$0")/inventory.sh"
