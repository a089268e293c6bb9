#!/bin/sh
# A network card that another network namespace has, or that one reaches the world by:
# /sys of this namespace shows nothing of it.
# run: --topology storage-net; kernels 6.12; iommus intel
# all: --topology storage-net; kernels 6.1 6.12; iommus intel
# takes: 27
. "$(dirname "$0")/lib.sh"

card=0000:00:06.0
if1=$(basename $device/$card/net/*)

refused() {
	what=$1
	shift
	run 3 plan --json $card
	same "$what: the findings" "$*" "$(json '[.findings[].code] | unique | join(" ")')"
}

safe() {
	run 0 plan --json $card
	same "$1: safe" true "$(json .safe)"
}

seen() {
	json ".findings[] | select(.code == \"$1\").evidence" >evidence
	has "$1 is known by: $2" "$2" evidence
}

moved_to_a_name() {
	ip netns add blue
	safe "a namespace that has nothing"
	ip link set "$if1" netns blue
	same "/sys doesn't show it here" "" "$(ls $device/$card/net)"
	safe "moved, and idle there"
	ip -n blue link set "$if1" up
	ip -n blue addr add 192.0.2.7/24 dev "$if1"
	refused "an address there" net-address
	seen net-address "192.0.2.7/24 is on $if1 (network namespace blue) = $card"
	ip -n blue route add default via 192.0.2.1
	refused "a default route there" default-route net-address
	seen default-route "goes by $if1 (network namespace blue) = $card"
	ip -n blue addr flush dev "$if1"
	safe "address and route are gone"
	ip -n blue link set "$if1" netns 1
	ip netns del blue
	same "it is back" "$if1" "$(ls $device/$card/net)"
}

moved_to_a_process() {
	unshare -n sleep 1000 &
	pid=$!
	sleep 1
	ip link set "$if1" netns $pid
	nsenter -t $pid -n ip addr add 192.0.2.8/24 dev "$if1"
	refused "an address in a process's namespace" net-address
	seen net-address "$if1 (network namespace of process $pid (sleep)) = $card"
	nsenter -t $pid -n ip addr flush dev "$if1"
	safe "idle there"
	nsenter -t $pid -n ip link set "$if1" netns 1
	kill $pid
	wait $pid 2>/dev/null
}

# Only a descriptor keeps it: nobody can find it, and that must not pass for idle.
hidden() {
	cat >hide.py <<-'END'
		import os, subprocess, sys, time
		child = subprocess.Popen(["unshare", "-n", "sleep", "1000"])
		time.sleep(1)
		fd = os.open(f"/proc/{child.pid}/ns/net", os.O_RDONLY)
		subprocess.run(["ip", "link", "set", sys.argv[1], "netns", str(child.pid)], check=True)
		child.kill()
		child.wait()
		open("hidden", "w").close()
		while not os.path.exists("stop"):
		    time.sleep(0.1)
	END
	python3 hide.py "$if1" &
	while [ ! -e hidden ]; do sleep 0.2; done
	refused "a namespace that nothing leads to" unreadable
	seen unreadable "no process and no name leads to"
	touch stop
	wait
	i=0
	while [ "$(ls $device/$card/net)" != "$if1" ] && [ $i -lt 50 ]; do sleep 0.2 && i=$((i + 1)); done
	safe "the namespace ended and gave the card back"
}

containers_reach_the_world_by_it() {
	ip netns add red
	ip link add br0 type bridge
	ip link set br0 up
	ip link set "$if1" up
	ip link set "$if1" master br0
	ip link add v0 type veth peer name v1
	ip link set v1 netns red
	ip link set v0 master br0 up
	ip -n red link set v1 up
	refused "a bridge" net-enslaved
	ip -n red -6 route add default dev v1
	refused "a container's default route by the bridge" default-route net-enslaved
	seen default-route "goes by v1 (network namespace red), the other end of v0 in br0, a bridge over $if1 = $card"
	ip link del br0
	ip link del v0
	safe "the bridge is gone"
	ip link add link "$if1" name mv0 type macvlan
	ip link set mv0 netns red
	refused "a macvlan that a container has" net-enslaved
	seen net-enslaved "mv0 (network namespace red), a macvlan on $if1 = $card"
	ip -n red link del mv0
	ip netns del red
	safe "the container is gone"
}

# The same number of an interface in two namespaces must not be mixed up.
same_numbers() {
	index=$(cat "/sys/class/net/$if1/ifindex")
	ip netns add one
	ip netns add two
	ip -n one link add d1 index "$index" type dummy
	ip -n one link add link d1 name m1 type macvlan
	ip -n one link set m1 netns two
	ip -n two link set m1 up
	ip -n two addr add 203.0.113.1/24 dev m1
	safe "somebody else's macvlan on the same number"
	ip netns del two
	ip netns del one
}

without_privilege() {
	chmod 755 .
	setpriv --reuid 65534 --regid 65534 --clear-groups "$pcipt" plan --json $card >out 2>err
	same "exit" 3 $?
	seen unreadable "can't be looked at"
	same "as a blocker" blocker "$(json '[.findings[] | select(.code == "unreadable").severity] | unique | join(" ")')"
}

moved_to_a_name
moved_to_a_process
hidden
containers_reach_the_world_by_it
same_numbers
without_privilege
finish
