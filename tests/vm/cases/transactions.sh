#!/bin/sh
# Transactions that meet a kernel which doesn't return, and processes that are killed, race
# and lose their device: the caller comes back in time, other groups go on, and what was
# left half way is finished later.
# run: --topology gpu-pair; kernels 6.1 6.12; iommus intel
# takes: 97
# PCIPT_VM_ROUNDS and PCIPT_VM_SECONDS (with run's --env) make the torture longer.
. "$(dirname "$0")/lib.sh"

here=$(dirname "$0")
rounds=${PCIPT_VM_ROUNDS:-12}
seconds=${PCIPT_VM_SECONDS:-10}
# The program itself, not the script that sets a path for it: what is killed must be that.
if [ -x "$PCIPT_BUILD/.libs/pcipt" ]; then
	pcipt=$PCIPT_BUILD/.libs/pcipt
	LD_LIBRARY_PATH=$PCIPT_BUILD/.libs
	export LD_LIBRARY_PATH
fi

milliseconds() { echo $(($(date +%s%N) / 1000000)); }
is_there() { [ -e "$1" ]; }
is_gone() { [ ! -e "/proc/$1" ]; }

eventually() {
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		"$@" && return
		sleep 0.5
	done
	return 1
}

hold() { # WHAT…
	rm -f ready
	python3 "$here/hold-open.py" ready "$@" &
	holder=$!
	eventually is_there ready || not_ok "the holder did not open $*"
}

# within MILLISECONDS STATUS ARG…: pcipt ends by then, with that status
within() {
	limit=$1
	shift
	began=$(milliseconds)
	run "$@"
	took=$(($(milliseconds) - began))
	[ "$took" -lt "$limit" ] && ok "after $took ms" || not_ok "only after $took ms"
}

# Helpers that are left: processes called pcipt whose parent is init or this shell.
helpers() {
	awk '/^Name:/ { name = $2 } /^Pid:/ { pid = $2 } /^PPid:/ && name == "pcipt" { print pid }' \
		/proc/[0-9]*/status 2>/dev/null
}

no_helpers() { [ -z "$(helpers)" ]; }

a_device_in_use() {
	run 0 bind --name used 00:05.0
	hold "$(group_of 0000:00:05.0)" 0000:00:05.0
	# It was held before the call began: refused, where that is looked for.
	[ -z "$allow" ] || run 3 release used
	# shellcheck disable=SC2086
	within 60000 6 release $allow --timeout 3 --json used
	same "the result" stuck "$(json .result)"
	same "the error" PCIPT_E_STUCK "$(json .error.code)"
	same "the device" 0000:00:05.0 "$(json .error.address)"
	same "the write that is out" EINPROGRESS "$(json '.steps[] | select(.op == "unbind").errno')"
	same "one helper is left" 1 "$(helpers | wc -l)"
	run 0 claims --json
	same "the claim says how far it is" "stuck write-outstanding" \
		"$(json '.claims[0] | .state + " " + .reason')"
	has "and who has the device" "process $holder " out
	# shellcheck disable=SC2086
	within 60000 7 release $allow --timeout 2 used
	has "who holds the lock" "(pcipt)" err
	has "what it waits for" "vfio-pci/unbind" err
	within 60000 6 recover --timeout 2 --json
	same "recover says so too" stuck "$(json '.actions[0].to')"
	# Other groups don't care.
	within 60000 0 bind --name meanwhile 00:04.0
	within 60000 0 release meanwhile
	kill "$holder"
	eventually no_helpers && ok "the helper ended by itself" || not_ok "the helper is still there"
	within 60000 0 recover --json
	same "the claim ended" "stuck ended interrupted" "$(json '.actions[0] | .from + " " + .to + " " + .reason')"
	run 0 recover
	unchanged "a device in use" before
}

# The bind of a set: its other device is put back at once, the stuck one when it can be.
an_open_mixer() {
	hold /dev/snd/controlC0
	[ -z "$allow" ] || run 3 bind --with-set 00:03.0
	# shellcheck disable=SC2086 # two words, or none
	within 60000 6 bind $allow --with-set --timeout 3 --json 00:03.0
	same "the result" stuck "$(json .result)"
	same "the device" 0000:00:03.1 "$(json .error.address)"
	# The driver has taken the nodes away by then.
	case $(json .error.message) in
	*"process $holder "*) ok "the message names the holder" ;;
	*) not_ok "the message doesn't name the holder $holder: $(json .error.message)" ;;
	esac
	same "the display is back" "$vga_driver" "$(driver_of 0000:00:03.0)"
	kill "$holder"
	eventually no_helpers && ok "the helper ended by itself" || not_ok "the helper is still there"
	# The next bind finishes what was left, and then does its own.
	within 60000 0 bind --with-set --name again --json 00:03.0
	same "the result" done "$(json .result)"
	run 0 release again
	run 0 claims --json
	same "no claim is left" 0 "$(json '.claims | length')"
	unchanged "an open mixer" before
}

# Somebody ends the tool: what it began is undone.
interrupted() {
	hold /dev/snd/controlC0
	: >/run/libpcipt/locks/0000:00:03.1
	# shellcheck disable=SC2086
	"$pcipt" bind $allow --with-set --timeout 30 00:03.0 >out 2>err &
	tool=$!
	# It is at it when the kernel doesn't return from a write of its.
	eventually grep -q unbind /run/libpcipt/locks/0000:00:03.1 ||
		not_ok "the unbind isn't under way: $(cat out err)"
	kill "$tool"
	sleep 1
	kill "$holder"
	wait "$tool"
	status=$?
	[ "$status" = 1 ] || [ "$status" = 143 ] && ok "ended by a signal: $status" || not_ok "a signal: exit $status: $(cat err)"
	run 0 recover
	unchanged "a signal" before
}

# Nobody had to allow anything: it was opened after the look for holders.
opened_after_the_check() {
	python3 "$here/opened-late.py" >late 2>&1
	cat late
	passed=$((passed + $(grep -c '^ok' late)))
	failed=$((failed + $(grep -c '^FAILED' late)))
	grep -q '^ok.*no claim is left' late || not_ok "opened-late.py: no result"
	unchanged "opened after the check" before
}

# The runtime folder isn't what it should be: a clear error, and nothing is touched.
bad_folders() {
	run=/run/libpcipt
	chmod 0755 $run/locks
	run 1 bind 00:05.0
	has "says what is wrong" "root's alone" err
	chmod 0700 $run/locks
	chmod 0644 $run/locks/0000:00:05.0
	run 1 bind 00:05.0
	rm $run/locks/0000:00:05.0
	ln -s /etc/passwd $run/locks/0000:00:05.0
	run 1 bind 00:05.0
	rm $run/locks/0000:00:05.0
	mkdir $run/locks/0000:00:05.0
	run 1 bind 00:05.0
	rmdir $run/locks/0000:00:05.0
	mkdir -p $run/journal
	echo nonsense >$run/journal/apply-1.json
	ln -s /etc/passwd $run/journal/apply-2.json
	head -c 2000000 /dev/zero >$run/journal/apply-3.json
	run 0 recover --json
	same "damaged intents are told" 3 "$(json '.actions | length')"
	run 0 bind --name in-spite 00:05.0
	run 0 release in-spite
	same "and stay" 3 "$(ls $run/journal | wc -l)"
	rm -r $run/journal
	mount -t tmpfs -o size=4k,nr_inodes=2,mode=0755 none $run/claims
	echo >$run/claims/full
	run 1 bind 00:05.0
	umount $run/claims
	mount -t tmpfs -o ro,mode=0755 none $run/claims
	run 8 bind 00:05.0
	umount $run/claims
	unchanged "bad folders" before
}

# What is left of modules: a blacklist and a failing "install" line.
modules() {
	mkdir -p /etc/modprobe.d
	echo "blacklist pci_stub" >/etc/modprobe.d/test.conf
	run 1 bind --driver pci-stub --json 00:05.0
	same "a blacklist" PCIPT_E_BLACKLISTED "$(json .error.code)"
	echo "install pci_stub /bin/false" >/etc/modprobe.d/test.conf
	run 1 bind --driver pci-stub --json 00:05.0
	same "a failing install line" PCIPT_E_LOAD "$(json .error.code)"
	unchanged "modules that can't be loaded" before
	rm /etc/modprobe.d/test.conf
	run 0 bind --driver pci-stub --name stub 00:05.0
	same "loaded by the helper" pci-stub "$(driver_of 0000:00:05.0)"
	run 0 release stub
	unchanged "a module that was loaded" before
}

torture() { # WORD NUMBER
	python3 "$here/torture.py" "$@" >torture 2>&1
	cat torture
	passed=$((passed + $(grep -c '^ok' torture)))
	failed=$((failed + $(grep -c '^FAILED' torture)))
	grep -q '^ok\|^FAILED' torture || not_ok "torture $*: no result"
	unchanged "torture $*" before
}

modprobe vfio-pci
# Where holders are looked for, one that is there already has to be allowed.
allow="--allow held-open"
"$pcipt" plan $allow 00:05.0 >out 2>err || allow=
vga_driver=$(driver_of 0000:00:03.0)
for d in "$device"/*/power/control; do echo auto >"$d" 2>/dev/null; done
fingerprint >before
modules
a_device_in_use
an_open_mixer
interrupted
opened_after_the_check
bad_folders
torture kill "$rounds"
torture unplug "$rounds"
torture race "$seconds"
finish
