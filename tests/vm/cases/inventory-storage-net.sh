#!/bin/sh
# See inventory.sh.
# run: --topology storage-net; kernels 6.1; iommus amd
# takes: 19
. "$(dirname "$0")/inventory.sh"
