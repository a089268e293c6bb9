#!/bin/sh
# Functions that share a bus behind a bridge are reset together, and only when each of them is
# on a vfio driver.
# run: --topology shared-bridge; kernels 6.1; iommus intel
# all: --topology shared-bridge; kernels 6.1 6.12; iommus intel amd
# takes: 44
. "$(dirname "$0")/reset.inc"
compare_all

# The edu device has no driver, so it is pinned: told as reset-shared, and VFIO refuses.
nic=0000:02:02.0
edu=0000:02:01.0
run 0 plan --with-set --json $nic
same "told" "$nic" "$(json ".findings[] | select(.code == \"reset-shared\" and .address == \"$nic\") | .address")"
same "what would go too" "$edu" "$(json '.companions[].address')"
run 0 bind --with-set --name half $nic
group=$(group_of $nic)
same "VFIO refuses the reset" EINVAL "$(python3 "$cases/hot-reset.py" reset "$group" $nic)"
run 0 release half

# With it there is no warning, and VFIO does it.
fingerprint >before
run 0 plan --with-set --with-companions --json $nic
same "not told" "" "$(json '.findings[] | select(.code == "reset-shared") | .address')"
same "its role" "reset-coupled bind" "$(json ".members[] | select(.address == \"$edu\") | .role + \" \" + .action")"
run 0 bind --with-set --with-companions --name whole $nic
same "the edu device goes too" vfio-pci "$(driver_of $edu)"
same "VFIO resets" "done" "$(python3 "$cases/hot-reset.py" reset "$group" $nic)"
run 0 release whole
unchanged "exactly as before" before
finish
