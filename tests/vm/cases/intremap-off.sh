#!/bin/sh
# Without interrupt remapping every device is refused, unless that is allowed; the kernel
# itself then wants its own switch. (The other cases run with it on, and none is told there.)
# run: --topology gpu-pair --append intremap=off; kernels 6.12; iommus intel
# all: --topology gpu-pair --append intremap=off; kernels 6.1 6.12; iommus intel
# takes: 11
. "$(dirname "$0")/lib.sh"

edu=0000:00:05.0
modprobe vfio-pci
run 3 plan --json $edu
same "told" "unsafe-interrupts blocker" "$(json '.findings[] | select(.code == "unsafe-interrupts") | .code + " " + .severity')"
has "the evidence" "IO-APIC" out
run 0 bind --allow unsafe-interrupts --name edu $edu
python3 "$(dirname "$0")/open-group.py" "$(group_of $edu)" $edu 2>err
same "the kernel refuses to open it" 1 $?
has "for that reason" "Operation not permitted" err
run 0 release edu
finish
