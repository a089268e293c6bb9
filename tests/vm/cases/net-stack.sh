#!/bin/sh
# Network cards that the host lives on: by an address, by a default route far up a stack,
# as a part of something. Each is set up, refused with its evidence, torn down, and safe.
# run: --topology storage-net; kernels 6.1; iommus intel
# all: --topology storage-net; kernels 6.1 6.12; iommus intel
# takes: 120
. "$(dirname "$0")/lib.sh"

card=0000:00:06.0
other=0000:00:07.0
name_of() { basename "$device/$1/net/"*; }
if1=$(name_of $card)
if2=$(name_of $other)

# findings CODE: the field of the finding of that code ("" for none)
finding() {
	json ".findings[] | select(.code == \"$1\").$2"
}

safe() {
	run 0 plan --json $card
	same "$1: safe" true "$(json .safe)"
	same "$1: no finding" "" "$(json '.findings[].code')"
}

# refused WHAT CODES…: exactly these findings, and nothing else
refused() {
	what=$1
	shift
	run 3 plan --json $card
	same "$what: the findings" "$*" "$(json '[.findings[].code] | unique | join(" ")')"
}

# seen CODE TEXT: the finding's evidence says so
seen() {
	finding "$1" evidence >evidence
	has "$1 is known by: $2" "$2" evidence
}

# The link takes a moment to come up.
carrier() {
	until [ "$(cat "/sys/class/net/$1/carrier")" = 1 ]; do sleep 0.2; done
}

idle_card() {
	safe "an idle card, down"
	ip link set "$if1" up
	carrier "$if1"
	sleep 1
	ip -o -6 addr show dev "$if1" scope link | grep -q inet6 &&
		ok "it has an IPv6 link-local address" || not_ok "no link-local address"
	safe "an idle card that is up, with a link-local address"
	ip link add link "$if1" name "$if1.9" type vlan id 9
	safe "with a VLAN that is down and has no address"
	ip link del "$if1.9"
	ip addr add 198.51.100.1/24 dev "$if2"
	ip link set "$if2" up
	ip route add default via 198.51.100.2
	safe "while the other card has an address and the default route"
	ip addr flush dev "$if2"
	ip link set "$if2" down
}

an_address() {
	ip addr add 192.0.2.7/24 dev "$if1"
	refused "an IPv4 address" net-address
	seen net-address "the address 192.0.2.7/24 is on $if1 = $card"
	run 3 bind $card
	same "and nothing was touched" e1000e "$(driver_of $card)"
	run 0 plan --allow net-address $card
	ip addr add 2001:db8::7/64 dev "$if1"
	ip addr del 192.0.2.7/24 dev "$if1"
	refused "an IPv6 address" net-address
	seen net-address "the address 2001:db8::7/64 is on $if1 = $card"
	ip link set "$if1" down
	ip addr add 192.0.2.8/24 dev "$if1"
	refused "an address on a card that is down" net-address
	ip addr flush dev "$if1"
	safe "the address is gone"
	ip link set "$if1" up
}

# The case that simple checks miss: IPv6 only, another table too, four interfaces up.
a_stack() {
	ip link set "$if1" down
	ip link add bond0 type bond mode active-backup
	ip link set "$if1" master bond0
	refused "a bond" net-enslaved
	seen net-enslaved "bond0, a bond of $if1 = $card"
	ip link set bond0 up
	ip link add link bond0 name bond0.7 type vlan id 7
	ip link set bond0.7 up
	ip link add br0 type bridge
	ip link set bond0.7 master br0
	ip link set br0 up
	refused "a bond, a VLAN and a bridge" net-enslaved
	ip -6 route add default dev br0
	refused "and an IPv6 default route" default-route net-enslaved
	seen default-route "the IPv6 default route (table main) goes by br0, a bridge over bond0.7, a VLAN on bond0, a bond of $if1 = $card"
	ip -6 route del default dev br0
	ip -6 route add default dev br0 table 100
	refused "in another table" default-route net-enslaved
	seen default-route "table 100"
	ip -6 route del default dev br0 table 100
	ip -6 addr add 2001:db8::1/64 dev br0
	refused "an address on the bridge" net-address net-enslaved
	seen net-address "the address 2001:db8::1/64 is on br0, a bridge over bond0.7"
	ip link del br0
	ip link del bond0.7
	ip link del bond0
	ip link set "$if1" up
	safe "the stack is gone"
}

# Ways of saying "default route" that aren't one message with one interface.
odd_routes() {
	ip link set "$if2" up
	carrier "$if2"
	ip -6 nexthop add id 1 dev "$if1"
	ip -6 nexthop add id 2 dev "$if2"
	ip nexthop add id 10 group 1/2
	ip -6 route add default nhid 10
	refused "a group of next hops" default-route
	echo 0 >/proc/sys/net/ipv4/nexthop_compat_mode
	refused "a group that is told by its id alone" default-route
	echo 1 >/proc/sys/net/ipv4/nexthop_compat_mode
	ip -6 route del default
	ip nexthop flush >/dev/null 2>&1
	ip route add 0.0.0.0/1 dev "$if1"
	refused "a half of a default route" default-route
	ip route del 0.0.0.0/1
	ip route add default nexthop dev "$if2" nexthop dev "$if1"
	refused "the second way of a route" default-route
	seen default-route "goes by $if1 = $card"
	ip route del default
	ip link set "$if2" down
	safe "the routes are gone"
}

# A router's: what isn't wanted takes long to go through, and the card has nothing to do with it.
full_table() {
	for a in $(seq 0 59); do
		for b in $(seq 0 255); do
			for c in 0 32 64 96 128 160 192 224; do echo "route add 10.$a.$b.$c/27 dev lo"; done
		done
	done >routes
	ip -batch routes || not_ok "the table can't be filled"
	[ "$(wc -l </proc/net/route)" -gt 100000 ] || not_ok "the table isn't full"
	safe "with a full table"
	ip route flush dev lo
	rm routes
}

others_on_it() {
	ip link add link "$if1" name mv0 type macvlan mode bridge
	ip link set mv0 up
	refused "a macvlan that is up" net-enslaved
	seen net-enslaved "mv0, a macvlan on $if1 = $card"
	ip link del mv0
	ip link add vrf0 type vrf table 77
	ip link set "$if1" master vrf0
	refused "a VRF" net-enslaved
	seen net-enslaved "vrf0, a VRF with $if1"
	ip link del vrf0
	ip link add team0 type team
	ip link set "$if1" down
	ip link set "$if1" master team0
	refused "a team" net-enslaved
	ip link del team0
	safe "all is gone"
}

# Whoever came in by a link-local address would cut himself off. What the environment says
# counts for nothing; the connection is a socket of a process above.
own_login() {
	ip link set "$if1" up
	carrier "$if1"
	while ip -6 addr show dev "$if1" | grep -q tentative; do sleep 0.2; done
	local=$(ip -o -6 addr show dev "$if1" scope link | sed 's/.*inet6 \([^/]*\).*/\1/')
	export SSH_CONNECTION="fe80::2 5 $local 22"
	safe "the environment says that it is the login's"
	unset SSH_CONNECTION
	cat >login.py <<-'END'
		import socket, subprocess, sys
		here = socket.getaddrinfo(sys.argv[1], 0, socket.AF_INET6, socket.SOCK_STREAM)[0][4]
		server = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
		server.bind(here)
		server.listen(1)
		client = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
		client.connect((here[0], server.getsockname()[1], 0, here[3]))
		session = server.accept()[0]
		sys.exit(subprocess.call(["sh", "-c", '"$@"; exit $?', "sh"] + sys.argv[2:]))
	END
	python3 login.py "$local%$if1" "$pcipt" plan --json $card >out 2>err
	same "logged in by a link-local address: exit" 3 $?
	same "what stands against it" net-address "$(json '[.findings[].code] | unique | join(" ")')"
	seen net-address "you are logged in from $local by the address $local of $if1 = $card"
	python3 login.py "$local%$if1" "$pcipt" plan --json $other >out 2>err
	same "the other card isn't the login's: exit" 0 $?
	safe "not logged in so"
}

# A disk of another machine (here: this one's own, by its address) that the system runs from.
over_the_network() {
	modprobe -a ext4 nvmet-tcp nvme-tcp
	mount -t configfs configfs /sys/kernel/config 2>/dev/null
	nvmet=/sys/kernel/config/nvmet
	ip addr add 192.0.2.7/24 dev "$if1"
	mkdir -p $nvmet/subsystems/nqn.test/namespaces/1 $nvmet/ports/1
	echo 1 >$nvmet/subsystems/nqn.test/attr_allow_any_host
	printf /dev/nvme0n1 >$nvmet/subsystems/nqn.test/namespaces/1/device_path
	echo 1 >$nvmet/subsystems/nqn.test/namespaces/1/enable
	echo tcp >$nvmet/ports/1/addr_trtype
	echo ipv4 >$nvmet/ports/1/addr_adrfam
	echo 192.0.2.7 >$nvmet/ports/1/addr_traddr
	echo 4420 >$nvmet/ports/1/addr_trsvcid
	ln -s $nvmet/subsystems/nqn.test $nvmet/ports/1/subsystems/
	echo "transport=tcp,traddr=192.0.2.7,trsvcid=4420,nqn=nqn.test" >/dev/nvme-fabrics ||
		not_ok "no connection: $(dmesg | tail -n 3)"
	disk=$(sed -n 's/^ *[0-9]* *[0-9]* *[0-9]* \(nvme[0-9]*n1\)$/\1/p' /proc/partitions | tail -n 1)
	until [ -b "/dev/$disk" ] && [ "$disk" != nvme1n1 ]; do
		sleep 0.5
		disk=$(ls /sys/class/block | grep '^nvme[0-9]*n1$' | tail -n 1)
	done
	refused "a disk over the network that nobody uses" net-address
	mkfs.ext4 -q "/dev/$disk"
	mkdir -p /mnt/far
	mount -t ext4 "/dev/$disk" /mnt/far
	refused "one that is mounted" mounted-filesystem net-address
	seen mounted-filesystem "/mnt/far is on $disk (NVMe over fabrics, from 192.0.2.7 by $if1) = $card"
	umount /mnt/far
	mount -t ext4 "/dev/$disk" /boot
	refused "one that the system boots from" net-address root-disk
	seen root-disk "/boot is on $disk (NVMe over fabrics, from 192.0.2.7 by $if1) = $card"
	run 0 plan --json $other
	umount /boot
	for c in /sys/class/nvme/*/delete_controller; do echo 1 >"$c"; done
	rm $nvmet/ports/1/subsystems/nqn.test
	echo 0 >$nvmet/subsystems/nqn.test/namespaces/1/enable
	rmdir $nvmet/ports/1 $nvmet/subsystems/nqn.test/namespaces/1 $nvmet/subsystems/nqn.test
	ip addr flush dev "$if1" scope global
	safe "the far disk is gone"
}

# What the caller must not notice: children, descriptors.
nothing_is_left() {
	cat >many.sh <<-'END'
		i=0
		while [ $i -lt 20 ]; do "$1" plan "$2" >/dev/null || exit 1; i=$((i + 1)); done
		exit 0
	END
	sh many.sh "$pcipt" $card && ok "twenty times the same" || not_ok "not the same each time"
	same "no process is left" 0 "$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' | grep -c '[p]cipt plan')"
}

idle_card
an_address
a_stack
odd_routes
full_table
others_on_it
own_login
over_the_network
nothing_is_left
finish
