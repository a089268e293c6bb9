# shellcheck shell=sh
# What the storage cases share. Each sets something up for real on the disks of the
# topology storage-net, sees the refusal with its evidence, takes it down again, and
# sees the refusal gone. Sourced.
. "$(dirname "$0")/lib.sh"

# No udev runs here: the tools must make their nodes themselves.
export DM_DISABLE_UDEV=1

one=0000:00:03.0
two=0000:00:04.0
usb=0000:00:05.0
stick=/dev/sda

# The disk of an NVMe controller: below it is only the hidden path, nvme0c1n1.
nvme_disk() {
	basename "$(echo /sys/bus/pci/devices/"$1"/nvme/nvme*/nvme*n1)" | sed 's/c[0-9]*n/n/'
}
d1=$(nvme_disk $one)
d2=$(nvme_disk $two)

# refused ADDRESS CODE EVIDENCE: the set of one device is refused with that, among others
refused() {
	run 3 plan --json "$1"
	if jq -e --arg code "$2" --arg seen "$3" --arg at "$1" 'any(.findings[]; .code == $code and
		.address == $at and (.evidence | contains($seen)))' out >/dev/null; then
		ok "$2 at $1: $3"
	else
		not_ok "$2 at $1 with '$3' is not among: $(jq -r '.findings[] | .code + ": " + .evidence' out)"
	fi
}

# count CODE N: in the last answer
count() {
	same "findings $1" "$2" "$(jq "[.findings[] | select(.code == \"$1\")] | length" out)"
}

# free ADDRESS…: nothing stands against it, and no data is found
free() {
	for address; do
		run 0 plan --json "$address"
		same "nothing is found at $address" '' "$(json '.findings[] | select(.code != "no-reset") | .code + ": " + .evidence')"
	done
}

# idle ADDRESS DATA: nothing stands against it, but data is told
idle() {
	run 0 plan --json "$1"
	same "only a warning at $1" block-signature "$(json '.findings[].code | select(. != "no-reset")')"
	has "$1 holds $2" "$2" out
}

# Marks of file systems and others at all places where some are.
wipe() {
	for disk; do
		wipefs -q -a -f "$disk"
		dd if=/dev/zero of="$disk" bs=1M count=4 conv=notrunc status=none
	done
	sync
}

# part DISK: two partitions of equal size
part() {
	printf 'label: gpt\nsize=30M,type=uefi\nsize=30M\n' | sfdisk -q "$1" || not_ok "sfdisk $1"
}
unpart() {
	wipefs -q -a -f "$1"
	blockdev --rereadpt "$1"
}
