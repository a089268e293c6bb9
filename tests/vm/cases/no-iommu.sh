#!/bin/sh
# No IOMMU: everything can be seen, nothing can be taken, and it says why.
# run: --topology gpu-pair; kernels 6.12; iommus none
# all: --topology gpu-pair; kernels 6.1 6.12; iommus none
# takes: 14
. "$(dirname "$0")/lib.sh"

vga=0000:00:03.0
modprobe vfio-pci
fingerprint >before
run 0 list
run 0 list --json
same "no group" null "$(json '.devices[0].iommu_group')"
run 0 groups --json
same "no groups" 0 "$(json '.groups | length')"
run 3 plan --with-set $vga
run 3 bind --with-set --json $vga
same "the code" no-iommu "$(json '.findings[0].code')"
same "hard" hard "$(json '.findings[0].severity')"
run 2 bind --with-set --allow no-iommu $vga
unchanged "nothing was touched" before
setpriv --reuid 65534 --regid 65534 --clear-groups "$pcipt" list >out 2>err
same "an ordinary user may list" 0 $?
finish
