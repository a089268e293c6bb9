#!/bin/sh
# The other function of the card was given to user space by hand, and its group is in use when
# ours goes back: the host's driver isn't put beside that, and the job is finished later.
# run: --topology gpu-pair; kernels 6.12; iommus intel
# all: --topology gpu-pair; kernels 6.1 6.12; iommus intel
# takes: 15
. "$(dirname "$0")/lib.sh"

modprobe vfio-pci
vga=0000:00:03.0
audio=0000:00:03.1
fingerprint >before
echo vfio-pci >$device/$audio/driver_override
echo $audio >$device/$audio/driver/unbind
echo $audio >/sys/bus/pci/drivers/vfio-pci/bind
fingerprint >foreign
run 0 bind --allow foreign-owner --name vga $vga
rm -f ready
python3 "$(dirname "$0")/hold-open.py" ready "$(group_of $vga)" $audio &
holder=$!
for _ in $(seq 100); do [ -e ready ] && break; sleep 0.1; done
run 3 release vga
run 5 release --allow held-open vga
has "says what it waits for" "before $audio" err
same "no driver of the host's" "" "$(driver_of $vga)"
run 5 recover
kill "$holder"
wait "$holder" 2>/dev/null
run 0 recover
unchanged "the foreign function" foreign
run 4 release vga
finish
