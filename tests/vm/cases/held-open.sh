#!/bin/sh
# Devices that a process holds open: refused with its name, before any write, to bind and to
# release; free again when it has let go.
# run: --topology gpu-pair; kernels 6.12; iommus intel
# all: --topology gpu-pair; kernels 6.1 6.12; iommus intel amd
# takes: 24
. "$(dirname "$0")/lib.sh"
cases=$(dirname "$0")

audio=0000:00:03.1
vga=0000:00:03.0
edu=0000:00:05.0
holder=

# hold COMMAND…: runs it in the background until it has made the file ready
hold() {
	rm -f ready
	"$@" &
	holder=$!
	for _ in $(seq 100); do
		[ -e ready ] && return
		sleep 0.1
	done
	not_ok "$* isn't ready"
}

let_go() {
	kill "$holder"
	wait "$holder" 2>/dev/null
}

finding() { json ".findings[] | select(.code == \"$1\") | .address + \" \" + .severity" | sort | tr '\n' ' '; }

a_sound_server() {
	fingerprint >before
	hold python3 "$cases/hold-open.py" ready /dev/snd/controlC0
	run 3 plan --json $vga $audio
	same "the audio function is held" "$audio blocker " "$(finding held-open)"
	has "names the process" "process $holder (python3)" out
	has "names the node" "/dev/snd/controlC0" out
	run 3 bind $vga $audio
	has "bind says the same" "held-open" err
	unchanged "nothing was written" before
	run 0 plan --allow held-open@$audio $vga $audio
	run 3 plan --allow held-open@$vga $vga $audio
	let_go
	run 0 plan $vga $audio
}

# The same device by another path, in namespaces of its own.
in_a_container() {
	mkdir -p /tmp/c
	mknod /tmp/c/music c "$(cut -d: -f1 /sys/class/sound/controlC0/dev)" "$(cut -d: -f2 /sys/class/sound/controlC0/dev)"
	rm -f ready
	unshare --mount --pid --fork --mount-proc python3 "$cases/hold-open.py" "$PWD/ready" /tmp/c/music &
	holder=$!
	for _ in $(seq 100); do [ -e ready ] && break; sleep 0.1; done
	read -r inner </proc/$holder/task/$holder/children
	run 3 plan --json $vga $audio
	has "found by its numbers" "process $inner (python3)" out
	kill -KILL "$inner" # the first of its namespace: it takes no other signal
	wait $holder 2>/dev/null
	run 0 plan $vga $audio
}

a_display_server() {
	hold python3 "$cases/hold-open.py" ready /dev/dri/card0
	run 3 plan --json $vga $audio
	same "the display is held" "$vga blocker " "$(finding held-open)"
	has "names the node" "/dev/dri/card0" out
	let_go
}

# Held by a virtual machine: release is refused, and nothing is asked of the machine.
a_virtual_machine() {
	run 0 bind --name held $vga $audio
	group=$(group_of $vga)
	fingerprint >bound
	hold python3 "$cases/hold-open.py" ready "$group" $vga
	run 3 release held
	has "release says who" "process $holder (python3)" err
	has "and what" "held-open" err
	run 3 release --dry-run held
	unchanged "nothing was written" bound
	same "the claim is still bound" bound "$("$pcipt" claims --json | jq -r '.claims[0].state')"
	run 3 release --json held
	same "both devices are named" "2" "$(json '.error.causes | length')"
	let_go
	run 0 release held
}

# The group alone, open and without a container, keeps the group as well.
a_group() {
	run 0 bind --name held $edu
	hold python3 "$cases/hold-open.py" ready "/dev/vfio/$(group_of $edu)"
	run 3 release held
	has "names the node" "/dev/vfio/$(group_of $edu)" err
	let_go
	# A device of another group doesn't matter.
	run 0 bind --name other $vga $audio
	hold python3 "$cases/hold-open.py" ready "$(group_of $vga)" $vga
	run 0 release held
	let_go
	run 0 release other
}

a_mapping() {
	run 0 bind --name held $edu
	hold python3 "$cases/hold-mapping.py" ready "$(group_of $edu)" $edu
	run 3 release held
	has "a mapping without a descriptor is seen" "process $holder (python3)" err
	let_go
	run 0 release held
}

# An ordinary user can't look into others' processes: that is said, not passed over.
an_ordinary_user() {
	hold python3 "$cases/hold-open.py" ready /dev/snd/controlC0
	setpriv --reuid 65534 --regid 65534 --clear-groups "$pcipt" plan --json $vga $audio >out 2>err
	same "an ordinary user: exit" 3 $?
	same "what stands against it" "unreadable" "$(json '[.findings[] | select(.severity == "blocker") | .code] | unique | join(" ")')"
	has "what to do" "Run as root" out
	let_go
	setpriv --reuid 65534 --regid 65534 --clear-groups "$pcipt" plan --json $edu >out 2>err
	same "a device that nobody could have open" 0 $?
}

modprobe vfio-pci
a_sound_server
in_a_container
a_display_server
a_virtual_machine
a_group
a_mapping
an_ordinary_user
finish
