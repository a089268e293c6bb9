#!/bin/sh
# The part of installed.host that runs in the virtual machine, as root: installed-guest.sh STAGE LIBDIR.
# shellcheck source=tests/vm/cases/lib.sh
. "$(dirname "$0")/lib.sh"
stage=$1 libdir=$2
vga=0000:00:03.0
audio=0000:00:03.1

# Installed as it is on other machines, and nothing of the build left to fall back on.
cp -a "$stage/root/." /
echo "$libdir" >/etc/ld.so.conf.d/pcipt.conf
ldconfig
mount -t tmpfs none "$PCIPT_BUILD/.libs"
rm -rf "$stage/root"
pcipt=$(command -v pcipt)
export PYTHONPATH="$stage/python" PYTHONDONTWRITEBYTECODE=1
modprobe vfio-pci
fingerprint >before

# example LANGUAGE NAME: sets command to what runs it
example() {
	case $1 in
	c) command="$stage/examples/$2" ;;
	go) command="$stage/examples/go/bin-$2" ;;
	python) command="python3 $stage/examples/python/$(echo "$2" | tr - _).py" ;;
	esac
}

# ends STATUS LANGUAGE NAME ARGUMENT…: the example ends so; its output is LANGUAGE-NAME
ends() {
	expected=$1 language=$2 name=$3
	shift 3
	example "$language" "$name"
	status=0
	$command "$@" >"$language-$name" 2>err || status=$?
	if [ "$status" = "$expected" ]; then
		ok "$language: $name $*: exit $status"
	else
		not_ok "$language: $name $*: exit $status: $(cat "$language-$name" err)"
	fi
}

# eventually WHAT COMMAND…: it succeeds within half a minute or so
eventually() {
	what=$1
	shift
	for _ in $(seq 100); do
		if "$@" >/dev/null 2>&1; then
			ok "$what"
			return
		fi
		sleep 0.2
	done
	not_ok "$what: never: $*; $(tail -n 5 ./*-monitor ./*-mini-controller 2>/dev/null)"
}

# of_the_installed LANGUAGE PROCESS: what library it runs with
of_the_installed() {
	same "$1: the library is the installed one" "$libdir" \
		"$(sed -n 's|.* \(/.*\)/libpcipt\.so.*|\1|p' "/proc/$2/maps" | sort -u)"
}

on_driver() { [ "$(driver_of "$2")" = "$1" ]; }

looks() { # LANGUAGE
	ends 0 "$1" list
	same "$1: list says what the command line says" "$listed" "$(cat "$1-list")"
	ends 0 "$1" safe-set $vga
	has "$1: the set" "$audio group-member bind" "$1-safe-set"
	has "$1: the plan" "echo $audio > /sys/bus/pci/drivers/snd_hda_intel/unbind" "$1-safe-set"
	ends 1 "$1" safe-set 0000:99:00.0
}

binds_and_releases() { # LANGUAGE
	ends 0 "$1" bind-release $vga
	has "$1: it was bound" "$vga: was on $vga_driver, is on vfio-pci" "$1-bind-release"
	has "$1: with its audio" "$audio: was on snd_hda_intel, is on vfio-pci" "$1-bind-release"
	has "$1: and released" released "$1-bind-release"
	unchanged "$1: bind-release" before
}

watches() { # LANGUAGE: in the background, as $monitor
	example "$1" monitor
	$command >"$1-monitor" 2>&1 &
	monitor=$!
	eventually "$1: the monitor watches" grep -q '^watching$' "$1-monitor"
	of_the_installed "$1" $monitor
}

# The monitor tells what has become of a thing since it looked last: what lasts it must see.
controls_and_tells() { # LANGUAGE
	watches "$1"
	example "$1" mini-controller
	$command "of-$1" $vga >"$1-mini-controller" 2>&1 &
	controller=$!
	eventually "$1: the controller takes the display" on_driver vfio-pci $vga
	eventually "$1: its claim is bound" \
		sh -c "'$pcipt' status of-$1 --json | jq -e '.claims[0] | .state == \"bound\" and .persistent'"
	of_the_installed "$1" $controller
	eventually "$1: the monitor saw the display go" \
		grep -q "^device-changed $vga: .* -> vfio-pci" "$1-monitor"
	eventually "$1: and the audio" grep -q "^device-changed $audio: .* -> vfio-pci" "$1-monitor"
	eventually "$1: and the claim" grep -q "^claim-changed of-$1: .* -> bound" "$1-monitor"
	# Somebody takes a half away, and it comes back.
	echo $audio >/sys/bus/pci/drivers/vfio-pci/unbind
	eventually "$1: what is taken away is led back" on_driver vfio-pci $audio
	kill -INT $controller 2>/dev/null
	sleep 0.5
	kill $controller 2>/dev/null
	wait $controller 2>/dev/null
	run 0 claims --json
	same "$1: its claim stays" "of-$1" "$(json '.claims[].name')"
	run 0 release "of-$1"
	unchanged "$1: the controller's claim released" before
	eventually "$1: the monitor saw all of it end" \
		grep -q "^claim-changed of-$1: .* -> -" "$1-monitor"
	kill $monitor
	wait $monitor 2>/dev/null
}

vga_driver=$(driver_of $vga)
listed=$("$pcipt" list --json | jq -r '.devices[] | [.address, (.vendor_id[2:] + ":" + .device_id[2:]),
	.driver // "-", (.iommu_group // "-" | tostring)] | join(" ")')
for language in c go python; do
	looks $language
	binds_and_releases $language
	controls_and_tells $language
done
for name in safe-set bind-release; do
	for language in go python; do
		cmp -s c-$name $language-$name && ok "$language: $name says what it says in C" ||
			not_ok "$language: $name: $(diff c-$name $language-$name)"
	done
done

# The same scenario, word for word but for the time.
for language in c go python; do
	"$stage/trace/trace-$language" / $vga >trace 2>err || not_ok "$language: trace: $(cat err)"
	sed -E 's/20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z/TIME/g; s/"(power_state|runtime_status)":"[^"]*"//g' \
		trace >"trace-$language"
	unchanged "$language: trace" before
done
has "the trace has a bind" "did bind $vga" trace-c
has "and its way back" "did bind $audio /sys/bus/pci/drivers/snd_hda_intel/bind" trace-c
for language in go python; do
	cmp -s trace-c trace-$language && ok "$language: trace as in C, $(wc -l <trace-c) lines" ||
		not_ok "$language: trace: $(diff trace-c trace-$language | cut -c1-600)"
done
finish
