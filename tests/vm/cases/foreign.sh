#!/bin/sh
# Others who are configured to take a device: their files, as they write them.
# run: --topology gpu-pair; kernels 6.12; iommus intel
. "$(dirname "$0")/lib.sh"

nic=0000:00:04.0
modprobe vfio-pci
run 0 plan $nic
mkdir -p /etc/driverctl.d /etc/libvirt/qemu
echo vfio-pci >/etc/driverctl.d/pci-$nic
run 3 plan --json $nic
same "driverctl's file" "foreign-owner" "$(json '.findings[] | select(.severity == "blocker") | .code')"
rm /etc/driverctl.d/pci-$nic
cat >/etc/libvirt/qemu/win10.xml <<'XML'
<domain type='kvm'>
  <name>win10</name>
  <devices>
    <hostdev mode='subsystem' type='pci' managed='yes'>
      <source>
        <address domain='0x0000' bus='0x00' slot='0x04' function='0x0'/>
      </source>
      <address type='pci' domain='0x0000' bus='0x00' slot='0x05' function='0x0'/>
    </hostdev>
  </devices>
</domain>
XML
run 3 plan --json $nic
has "names the machine" "libvirt's machine win10" out
run 0 plan 0000:00:05.0
run 0 bind --allow foreign-owner --name nic $nic
same "the record says what was allowed" "foreign-owner $nic" "$(jq -r '.allowed[] | .code + " " + .address' /run/libpcipt/claims/nic.json)"
run 0 release nic
rm /etc/libvirt/qemu/win10.xml
run 0 plan $nic
finish
