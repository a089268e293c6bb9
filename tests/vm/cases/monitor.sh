#!/bin/sh
# run: --topology gpu-pair; kernels 6.1; iommus intel
# all: --topology gpu-pair; kernels 6.1 6.12; iommus intel
# takes: 33
# The monitor on a real kernel: what happens to devices and claims is told, at once, once,
# and nothing while nothing happens. Runs in the virtual machine, as root.
# shellcheck source=tests/vm/cases/lib.sh
. "$(dirname "$0")/lib.sh"
here=$(dirname "$0")

gpu=$(find_class 0x03 | head -n 1)
audio=${gpu%.*}.1
nic=$(find_class 0x02 | grep -v -x -f /run/pcipt-vm/own-devices | head -n 1)
modprobe vfio-pci

"$pcipt" monitor --json >events 2>monitor.err &
monitor=$!

# It watches once it waits in poll(), system call 7: nothing before that is told.
watches() {
	for _ in $(seq 100); do
		read -r call _ <"/proc/$1/syscall" && [ "$call" = 7 ] && return
		sleep 0.1
	done
	not_ok "the monitor doesn't watch: $(cat monitor.err)"
}
watches $monitor

# told_in FILE WHAT FILTER: an event for which the filter holds comes within five seconds
told_in() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		if jq -es "any(.[]; $3)" "$1" >/dev/null 2>&1; then
			ok "$2"
			return
		fi
		sleep 0.5
	done
	not_ok "$2: not among $(cat "$1" monitor.err)"
}
told() { told_in events "$1" "$2"; }

switches() { grep ctxt_switches /proc/$monitor/status; }

before=$(switches)
sleep 2
same "it does nothing while nothing happens" "$before" "$(switches)"
same "nothing is told of what was there before" 0 "$(wc -l <events)"

run 0 bind --with-set --name vm "$gpu"
told "a device's driver changes" ".event == \"device-changed\" and .address == \"$gpu\" and .after == \"vfio-pci\""
told "that of the other function too" ".event == \"device-changed\" and .address == \"$audio\" and .after == \"vfio-pci\""
told "the claim is bound" '.event == "claim-changed" and .claim == "vm" and .after == "bound"'
same "a healthy bind raises no alarm" 0 "$(jq -s 'map(select(.event == "health")) | length' events)"

echo "$audio" >/sys/bus/pci/drivers/vfio-pci/unbind
told "a function that somebody takes away is told with its claim" \
	".event == \"health\" and .claim == \"vm\" and .reason == \"half-bound\" and (.message | startswith(\"$audio\"))"
echo "$audio" >/sys/bus/pci/drivers/vfio-pci/bind
told "and that all is well again" '.event == "health" and .claim == "vm" and .reason == "as-claimed"'

# No event speaks of a node that is gone: who looks finds it, who waits for events doesn't.
"$pcipt" monitor --json --look 1 >looked 2>looker.err &
looker=$!
node=/dev/vfio/$(group_of "$gpu")
watches $looker
mv "$node" node
told_in looked "a node that is gone is found by a look" \
	".event == \"health\" and .claim == \"vm\" and .reason == \"node-missing\" and (.message | startswith(\"$gpu\"))"
mv node "$node"
told_in looked "and that it is back" '.event == "health" and .claim == "vm" and .before == "node-missing" and .after == "as-claimed"'
same "each is told once" 2 "$(jq -s 'map(select(.event == "health")) | length' looked)"
same "nothing but that is told of a look" 2 "$(wc -l <looked)"
# What can't be looked at is told once, and doesn't end the watch.
claims=/run/libpcipt/claims
chmod 777 $claims
for _ in $(seq 50); do grep -q disturbed looker.err && break; sleep 0.2; done
same "a look that fails is told" 1 "$(grep -c 'the watch is disturbed.*others than root may write' looker.err)"
chmod 700 $claims
mv "$node" node
for _ in $(seq 50); do [ "$(wc -l <looked)" -gt 2 ] && break; sleep 0.2; done
same "and what comes later is told" node-missing "$(tail -n 1 looked | jq -r .reason)"
mv node "$node"
kill $looker
wait $looker 2>/dev/null
same "it was told once" 1 "$(wc -l <looker.err)"
same "events alone don't tell it" false "$(jq -s 'any(.[]; .reason == "node-missing")' events)"
run 2 monitor --look never

run 0 release vm
told "the claim ends" '.event == "claim-changed" and .claim == "vm" and .before != null and .after == null'
told "the driver is back" ".event == \"device-changed\" and .address == \"$gpu\" and .before == \"vfio-pci\""

echo 1 >"$device/$nic/remove"
told "a device that is taken out" ".event == \"device-removed\" and .address == \"$nic\""
echo 1 >/sys/bus/pci/rescan
told "and put back" ".event == \"device-added\" and .address == \"$nic\""

same "each line is an object with the schema" true \
	"$(jq -s 'all(.[]; .schema == "libpcipt/1" and .error == null)' events)"
same "it says nothing else" "" "$(cat monitor.err)"
kill $monitor
wait $monitor 2>/dev/null

# How long an event takes to its reader; a figure, no test.
python3 "$here/monitor-latency.py" "$pcipt" "$audio" || not_ok "the latency can't be measured"
finish
