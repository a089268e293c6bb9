#!/bin/sh
# A physical function with virtual ones, and virtual ones whose physical function is away.
# run: --topology sriov; kernels 6.12; iommus intel
# all: --topology sriov; kernels 6.1 6.12; iommus intel
# takes: 26
. "$(dirname "$0")/lib.sh"

pf=0000:01:00.0
blockers() { json '[.findings[] | select(.severity != "warning") | .code] | unique | join(" ")'; }

modprobe vfio-pci
run 0 plan $pf
echo 2 >$device/$pf/sriov_numvfs
vf=$(basename "$(readlink $device/$pf/virtfn0)")
for _ in $(seq 50); do
	[ -e $device/$vf/iommu_group ] && break
	sleep 0.1
done
run 3 plan --json $pf
same "a PF with VFs" pf-with-vfs "$(blockers)"
has "names the first" "$vf" out
run 2 plan --allow pf-with-vfs $pf
has "hard" "can't be allowed" err

# A VF goes alone: neither its PF nor its siblings with it.
run 0 plan --json "$vf"
same "only the VF" "$vf bind" "$(json '.members[] | .address + " " + .action')"
run 0 bind --name vf "$vf"
same "bound" vfio-pci "$(driver_of "$vf")"
same "the PF stays" igb "$(driver_of $pf)"
run 0 release vf

# With its PF away the VFs are away too; without VFs the PF may go.
echo 0 >$device/$pf/sriov_numvfs
run 0 plan $pf
run 0 bind --name pf $pf
run 0 release pf
same "the PF is back" igb "$(driver_of $pf)"

# vfio-pci makes VFs too, where it is told to: whoever has the PF could do anything to them.
echo 1 >/sys/module/vfio_pci/parameters/enable_sriov
run 0 bind --name pf $pf
echo 1 >$device/$pf/sriov_numvfs
vf=$(basename "$(readlink $device/$pf/virtfn0)")
for _ in $(seq 50); do
	[ -e "$device/$vf/iommu_group" ] && break
	sleep 0.1
done
# It keeps them for itself.
echo "$vf" >$device/"$vf"/driver/unbind
echo >$device/"$vf"/driver_override
run 3 plan --json "$vf"
same "its PF is on vfio-pci" "vf-pf-unbound hard" "$(json '.findings[] | select(.code == "vf-pf-unbound") | .code + " " + .severity')"
has "names the PF" "$pf" out
run 2 plan --allow vf-pf-unbound "$vf"
echo 0 >$device/$pf/sriov_numvfs
run 0 release pf
echo 1 >$device/$pf/sriov_numvfs
for _ in $(seq 50); do
	[ -e "$device/$vf/iommu_group" ] && break
	sleep 0.1
done
run 0 plan --json "$vf"
same "its PF is on its driver" "" "$(json '.findings[] | select(.code == "vf-pf-unbound") | .code')"
echo 0 >$device/$pf/sriov_numvfs
finish
