#!/bin/sh
# Folders without room, without the right to write, and full of odd files; and a user who may
# nothing: a clear error, nothing changed, nothing lost.
# run: --topology gpu-pair; kernels 6.12; iommus intel
# all: --topology gpu-pair; kernels 6.1 6.12; iommus intel
# takes: 86
# shellcheck source=tests/vm/cases/lib.sh
. "$(dirname "$0")/lib.sh"

runtime=/run/libpcipt
state=/var/lib/libpcipt
edu=0000:00:05.0
nic=0000:00:04.0
# The program itself, not the script that sets a path for it, which takes twice as long.
if [ -x "$PCIPT_BUILD/.libs/pcipt" ]; then
	pcipt=$PCIPT_BUILD/.libs/pcipt
	LD_LIBRARY_PATH=$PCIPT_BUILD/.libs
	export LD_LIBRARY_PATH
fi

nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
no_claims() { same "$1: no claim is left" "no claims" "$("$pcipt" claims)"; }

# Whatever there is room for, from nothing on, a bind is done in whole or not at all.
# without_room FOLDER OPTION…: with little room there, for a bind with these options
without_room() {
	folder=$1
	shift
	mkdir -p "$folder"
	done_with=
	for room in nr_inodes=1 nr_inodes=2 nr_inodes=3 nr_inodes=4 nr_inodes=5 nr_inodes=6 \
		nr_inodes=7 nr_inodes=8 nr_inodes=20,size=4k nr_inodes=20,size=8k; do
		mount -t tmpfs -o "$room,mode=0755" none "$folder"
		"$pcipt" bind "$@" --name tight $edu >out 2>err
		status=$?
		case $status in
		0)
			done_with="$done_with $room"
			# A release needs no room, not even for saying that it is under way.
			dd if=/dev/zero of="$folder/fill" bs=4k >/dev/null 2>&1
			run 0 release tight
			;;
		1)
			has "$folder $room: says what there is none of" "No space left" err
			has "$folder $room: says where" "$folder" err
			;;
		*) not_ok "$folder $room: exit $status: $(cat err)" ;;
		esac
		unchanged "$folder $room: exit $status" before
		no_claims "$folder $room"
		umount "$folder"
	done
	[ -n "$done_with" ] && ok "$folder: done with$done_with" || not_ok "$folder: never done"
}

read_only() {
	mkdir -p $runtime $state
	mount -t tmpfs -o mode=0755 none $runtime
	run 0 bind --name kept $edu
	fingerprint >bound
	mount -o remount,ro $runtime
	run 8 release kept
	has "release says why" "ead-only" err
	run 8 bind $nic
	has "bind says why" "ead-only" err
	run 8 forget kept
	unchanged "a runtime folder that can't be written" bound
	same "and the claim is still bound" bound "$("$pcipt" claims --json | jq -r '.claims[0].state')"
	mount -o remount,rw $runtime
	run 0 release kept
	umount $runtime
	mount -t tmpfs -o ro,mode=0755 none $state
	run 8 bind --persistent $edu
	has "says where" "$state" err
	umount $state
	unchanged "a state folder that can't be written" before
	no_claims "read-only"
	# As in a container.
	unshare --mount sh -c "mount -o remount,bind,ro /sys && exec \"\$0\" bind $edu" "$pcipt" >out 2>err
	same "/sys read-only: exit" 8 $?
	has "/sys read-only: what to do" "read-write" err
	unchanged "/sys read-only" before
}

no_permission() {
	run 0 bind --name kept --persistent $edu
	fingerprint >bound
	for words in "bind $nic" "release kept" "forget kept" "bind --persistent $nic"; do
		# shellcheck disable=SC2086 # words
		nobody "$pcipt" $words >out 2>err
		same "nobody: $words: exit" 8 $?
		same "nobody: $words: says it in so many lines" yes "$([ "$(wc -l <err)" -le 3 ] && echo yes)"
	done
	nobody "$pcipt" claims --json >out 2>err
	same "nobody sees the claim" kept "$(json '.claims[0].name')"
	unchanged "nobody" bound
	# Half way: whoever may not finish it says so, and leaves it.
	sed -i 's/"state":\( *\)"bound"/"state":\1"releasing"/' $state/claims/kept.json
	cp $state/claims/kept.json record
	nobody "$pcipt" recover >out 2>err
	same "nobody: recover: exit" 8 $?
	nobody "$pcipt" reconcile >out 2>err
	same "nobody: reconcile: exit" 8 $?
	unchanged "nobody recovers" bound
	cmp -s record $state/claims/kept.json && ok "the record is as it was" || not_ok "the record has changed"
	run 0 recover
	unchanged "root recovers" before
}

# What is no record is told, kept as it is, and in nobody's way.
odd_records() {
	run 0 bind --name good --persistent $edu
	good=$state/claims/good.json
	for folder in $state/claims $runtime/claims; do
		mkdir -p $folder
		echo nonsense >$folder/damaged.json
		: >$folder/empty.json
		head -c 200 $good >$folder/truncated.json
		{ cat $good && head -c 2000000 /dev/zero | tr '\0' ' '; } >$folder/oversized.json
		sed 's/"name":\( *\)"good"/"name":\1"foreign"/' $good >$folder/foreign.json
		chown 65534 $folder/foreign.json
		sed 's/"name":\( *\)"good"/"name":\1"open"/' $good >$folder/open.json
		chmod 0666 $folder/open.json
		sed 's,libpcipt-claim/1,libpcipt-claim/2,; s/"name":\( *\)"good"/"name":\1"future"/' $good >$folder/future.json
		sed 's/"name":\( *\)"good"/"name":\1"link"/' $good >elsewhere
		ln -s "$PWD/elsewhere" $folder/link.json
		mkfifo $folder/pipe.json
	done
	sums() { find $state/claims $runtime/claims -name '*.json' ! -name good.json ! -type p | sort | xargs sha256sum; }
	sums >before-sums
	run 0 claims --json
	same "the good one is told" "good" "$(json '[.claims[].name] | join(" ")')"
	cp out told
	for name in damaged empty truncated oversized foreign open future link pipe; do
		has "$name is told" "$name.json" told
		run 4 release $name
	done
	run 0 bind --name other $nic
	run 0 release other
	run 2 bind --name damaged $nic
	run 0 recover
	run 0 reconcile
	run 0 release good
	unchanged "odd records" before
	sums >after-sums
	cmp -s before-sums after-sums && ok "all are kept as they are" || not_ok "changed: $(diff before-sums after-sums)"
	rm -r $state/claims $runtime/claims
}

modprobe vfio-pci
fingerprint >before
without_room $runtime
without_room $state --persistent
read_only
no_permission
odd_records
no_claims "in the end"
unchanged "in the end" before
finish
