# shellcheck shell=sh
# What the cases share: run the tool, compare, count. Sourced by each case, which
# runs inside the virtual machine, as root. Needs the build folder in PCIPT_BUILD.
set -u

pcipt=$PCIPT_BUILD/pcipt
passed=0
failed=0

ok() {
	passed=$((passed + 1))
	echo "ok: $*"
}

not_ok() {
	failed=$((failed + 1))
	echo "FAILED: $*"
}

# same WHAT EXPECTED ACTUAL
same() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1: expected '$2', got '$3'"
	fi
}

# holds WHAT COMMAND…
holds() {
	what=$1
	shift
	if "$@"; then ok "$what"; else not_ok "$what: not so: $*"; fi
}

# has WHAT NEEDLE FILE
has() {
	if grep -qF -- "$2" "$3"; then
		ok "$1"
	else
		not_ok "$1: '$2' is not in: $(cat "$3")"
	fi
}

# run EXPECTED_STATUS ARG…: runs pcipt, keeps its output in out and err
run() {
	expected=$1
	shift
	"$pcipt" "$@" >out 2>err
	status=$?
	if [ "$status" = "$expected" ]; then
		ok "pcipt $*: exit $status"
	else
		not_ok "pcipt $*: expected exit $expected, got $status: $(cat out err)"
	fi
}

# json FILTER: what a jq filter says of the last output, texts without quotes
json() {
	jq -r "$1" out
}

device=/sys/bus/pci/devices
driver_of() { basename "$(readlink "$device/$1/driver" 2>/dev/null)" 2>/dev/null; }
override_of() { cat "$device/$1/driver_override"; }
group_of() { basename "$(readlink "$device/$1/iommu_group")"; }
power_of() { cat "$device/$1/power/control"; }

# All that a transaction may change, and must put back, of every device there is.
# Few processes: each costs tens of milliseconds under emulation.
fingerprint() {
	find "$device"/*/driver -maxdepth 0 -printf '%p %l\n'
	grep -H . "$device"/*/driver_override "$device"/*/power/control
}

# unchanged WHAT FINGERPRINT: every device is as it was when that was taken
unchanged() {
	fingerprint >now
	if cmp -s "$2" now; then
		ok "$1: exactly as before"
	else
		not_ok "$1: not as before: $(diff "$2" now)"
	fi
}

# find_class HEX: the addresses whose class begins so
find_class() {
	for d in "$device"/*; do
		case $(cat "$d/class") in "$1"*) basename "$d" ;; esac
	done
}

finish() {
	echo "$passed passed, $failed failed, 0 skipped"
	[ "$failed" = 0 ]
}
