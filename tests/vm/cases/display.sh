#!/bin/sh
# The display that this machine booted on and that shows the console is refused; a second one,
# which shows nothing, is not.
# run: --topology boot-vga --append drm_kms_helper.fbdev_emulation=1; kernels 6.12; iommus intel
# all: --topology boot-vga --append drm_kms_helper.fbdev_emulation=1; kernels 6.1 6.12; iommus intel
# takes: 12
. "$(dirname "$0")/lib.sh"

first=0000:00:02.0
second=0000:00:03.0
audio=0000:00:03.1
findings() { json "[.findings[] | select(.address == \"$1\" and .severity == \"blocker\") | .code] | sort | join(\" \")"; }

modprobe vfio-pci
run 3 plan --json $first
same "what stands against the first" "boot-vga console-framebuffer" "$(findings $first)"
has "names the frame buffer" "fb0" out
run 0 plan --json $second $audio
same "nothing stands against the second" "" "$(findings $second)"
run 0 plan --allow boot-vga --allow console-framebuffer $first
run 3 plan --allow boot-vga $first

# Taken off it, only what the firmware used is left.
vt=$(grep -l "frame buffer" /sys/class/vtconsole/*/name | xargs dirname)
echo 0 >"$vt/bind"
run 3 plan --json $first
same "without the console" "boot-vga" "$(findings $first)"
echo 1 >"$vt/bind"
run 3 plan --json $first
same "with it again" "boot-vga console-framebuffer" "$(findings $first)"
# When the first display is away, the console moves to the second.
echo $first >$device/$first/driver/unbind
if grep -q . /proc/fb && [ "$(cat "$vt/bind")" = 1 ]; then
	run 3 plan --json $second $audio
	same "the console moved" "console-framebuffer" "$(findings $second)"
fi
finish
