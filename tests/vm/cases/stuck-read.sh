#!/bin/sh
# A device whose unbind waits in the kernel for somebody to let go of it, first on
# vfio-pci, then on a native driver. The device's lock is held meanwhile, and whoever
# asks for that lock waits too, where no signal reaches him. Everything that only reads
# must answer soon all the same, and tell all but what that one device keeps to itself.
#
# What it keeps is its driver_override, on Linux 6.1, where reading it takes the device's
# lock. In 2026 ("driver core: generalize driver_override in struct device") overrides got
# a lock of their own, and 6.12.117 has that: there nothing is missing.
# run: --topology gpu-pair; kernels 6.1; iommus intel
# all: --topology gpu-pair; kernels 6.1 6.12; iommus intel
# takes: 76
. "$(dirname "$0")/lib.sh"

here=$(dirname "$0")
record=$here/../../../tools/pcipt-record
case $(uname -r) in
6.1.*) keeps=yes ;;
*) keeps=no ;;
esac

milliseconds() { echo $(($(date +%s%N) / 1000000)); }

# Processes in state D, as "NAME PARENT PID". The kernel's own are children of 2.
waiting() {
	awk '/^Name:/ { name = $2 } /^State:/ { state = $2 } /^Pid:/ { pid = $2 }
		/^PPid:/ && state == "D" && $2 != 2 { print name, $2, pid }' /proc/[0-9]*/status 2>/dev/null
}

# Those that pcipt and pcipt-record left behind: they have no parent but init.
left_behind() {
	waiting | grep -c 'pcipt.* 1 '
}

# Waits up to ten seconds for a command to succeed.
eventually() {
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		"$@" && return
		sleep 0.5
	done
	return 1
}

is_gone() { [ ! -e "/proc/$1" ]; }
is_there() { [ -e "$1" ]; }
is_unbound() { [ ! -e "$device/$1/driver" ]; }
nobody_is_left() { [ "$(left_behind)" = 0 ]; }

# soon EXPECTED_STATUS COMMAND…: a command that must not wait for the stuck device. It may
# leave one reader behind, and nothing that this shell would have to wait for.
soon() {
	expected=$1
	shift
	before=$(left_behind)
	began=$(milliseconds)
	timeout 20 "$@" >out 2>err </dev/null
	status=$?
	took=$(($(milliseconds) - began))
	readers=$(($(left_behind) - before))
	shown=$(echo "$*" | sed "s|$pcipt|pcipt|; s|$record|pcipt-record|")
	if [ "$status" = "$expected" ]; then
		ok "$shown: exit $status after $took ms, $readers left behind"
	else
		not_ok "$shown: expected exit $expected, got $status after $took ms: $(cat out err)"
	fi
	[ "$took" -lt 10000 ] || not_ok "$shown: $took ms is not soon"
	[ "$readers" -le 1 ] || not_ok "$shown: $readers readers left behind: $(waiting)"
	[ "$keeps" = yes ] || same "$shown: no reader is stuck" 0 "$readers"
	ours=$(waiting | grep " $$ " | grep -v " $writer\$")
	same "$shown: no child in state D" "" "$ours"
}

# Facts of all devices but the stuck one.
others() { # ADDRESS FILE
	jq -cS ".devices[] | select(.address != \"$1\")" "$2"
}

hold() { # WHAT…
	rm -f ready
	python3 "$here/hold-open.py" ready "$@" &
	holder=$!
	eventually is_there ready || not_ok "the holder did not open $*"
}

unbind_and_hang() { # ADDRESS DRIVER
	sh -c "echo $1 >/sys/bus/pci/drivers/$2/unbind" &
	writer=$!
	eventually is_unbound "$1" || not_ok "$1 still has its driver"
	sleep 1
	if [ -e "/proc/$writer" ] && [ -e "/proc/$holder" ]; then
		ok "the unbind of $1 from $2 waits, in state $(sed -n 's/^State:\t//p' "/proc/$writer/status")"
	else
		not_ok "the unbind of $1 from $2 does not wait"
	fi
}

everything_answers() { # STUCK OVERRIDE OTHER
	soon 0 "$pcipt" list
	soon 0 "$pcipt" list --json
	same "devices other than $1 are as before" "$(others "$1" before.json)" "$(others "$1" out)"
	if [ "$keeps" = yes ]; then
		same "its override is unknown" null "$(json ".devices[] | select(.address == \"$1\").driver_override")"
		same "one problem" 1 "$(json '.problems | length')"
		same "its code" PCIPT_E_BUSY "$(json '.problems[0].code')"
		same "its device" "$1" "$(json '.problems[0].address')"
	else
		same "its override is known" "$2" "$(json ".devices[] | select(.address == \"$1\").driver_override")"
		same "no problem" 0 "$(json '.problems | length')"
	fi
	same "the rest of its facts" \
		"$(jq -cS ".devices[] | select(.address == \"$1\") | del(.driver, .driver_override, .vfio_device)" before.json)" \
		"$(jq -cS ".devices[] | select(.address == \"$1\") | del(.driver, .driver_override, .vfio_device)" out)"
	same "its driver" null "$(json ".devices[] | select(.address == \"$1\").driver")"
	soon 0 "$pcipt" list --json --full
	same "the full list has it" "$1" "$(json ".devices[] | select(.address == \"$1\").address")"
	same "the full facts of the others" "$(others "$1" before-full.json)" "$(others "$1" out)"
	soon 0 "$pcipt" show "$1" --json
	same "it is shown" "$1" "$(json '.devices[0].address')"
	if [ "$keeps" = yes ]; then
		same "with the problem" "PCIPT_E_BUSY $1" "$(json '.problems[0] | .code + " " + .address')"
	else
		same "without a problem" 0 "$(json '.problems | length')"
	fi
	soon 0 "$pcipt" groups
	soon 0 "$pcipt" groups --json
	soon 0 "$pcipt" claims
	soon 0 "$pcipt" status
	before=$(left_behind)
	soon 0 "$pcipt" show "$3" --json
	soon 0 "$pcipt" plan "$3"
	same "what is asked of $3 alone has nothing to do with $1" "$before" "$(left_behind)"
	soon 0 "$record" -o record.tar.gz
	tar -xzf record.tar.gz
	if [ "$keeps" = yes ]; then
		has "the recording tells what it lacks" "$1/driver_override" pcipt-record/about
	fi
	run 0 list --json --root pcipt-record
	same "the recording has the others" "$(others "$1" before.json | jq -cS 'del(.claim)')" "$(others "$1" out | jq -cS 'del(.claim)')"
}

# Another group goes to vfio-pci and back meanwhile.
another_group_works() { # ADDRESS
	driver=$(driver_of "$1")
	override=$(override_of "$1")
	soon 0 "$pcipt" bind --name meanwhile "$1"
	same "$1 is bound meanwhile" vfio-pci "$(driver_of "$1")"
	soon 0 "$pcipt" release meanwhile
	same "$1 is back" "$driver $override" "$(driver_of "$1") $(override_of "$1")"
}

lets_go() { # ADDRESS
	stuck=$(left_behind)
	kill "$holder"
	if eventually is_gone "$holder" && eventually is_gone "$writer"; then
		wait "$writer"
		same "the unbind returned" 0 $?
	else
		not_ok "the unbind did not return: $(waiting)"
	fi
	eventually nobody_is_left && ok "$stuck readers ended by themselves" || not_ok "still waiting: $(waiting)"
	run 0 list --json
	same "no problem is left" 0 "$(json '.problems | length')"
	same "all devices are there" "$(jq '.devices | length' before.json)" "$(json '.devices | length')"
	same "its override is known again" "$2" "$(json ".devices[] | select(.address == \"$1\").driver_override")"
}

a_vfio_device() {
	run 0 bind --name stuck 00:05.0
	"$pcipt" list --json >before.json
	"$pcipt" list --json --full >before-full.json
	hold "$(group_of 0000:00:05.0)" 0000:00:05.0
	unbind_and_hang 0000:00:05.0 vfio-pci
	everything_answers 0000:00:05.0 vfio-pci 0000:00:04.0
	another_group_works 0000:00:04.0
	lets_go 0000:00:05.0 vfio-pci
	# The claim lost its device to another program, and ends all the same.
	run 0 release stuck
}

a_sound_card() {
	# An override to be seen, or not.
	echo snd_hda_intel >$device/0000:00:03.1/driver_override
	"$pcipt" list --json >before.json
	"$pcipt" list --json --full >before-full.json
	hold /dev/snd/controlC0
	unbind_and_hang 0000:00:03.1 snd_hda_intel
	everything_answers 0000:00:03.1 snd_hda_intel 0000:00:05.0
	another_group_works 0000:00:04.0
	lets_go 0000:00:03.1 snd_hda_intel
	echo >$device/0000:00:03.1/driver_override
	echo 0000:00:03.1 >/sys/bus/pci/drivers/snd_hda_intel/bind
}

modprobe vfio-pci
fingerprint >untouched
"$pcipt" plan 00:05.0 >out
a_vfio_device
unchanged "after the VFIO device" untouched
a_sound_card
unchanged "after the sound card" untouched
finish
