#!/bin/sh
# See inventory.sh.
# run: --topology storage-net; kernels 6.1; iommus amd
. "$(dirname "$0")/inventory.sh"
