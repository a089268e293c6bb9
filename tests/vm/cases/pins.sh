#!/bin/sh
# Modules that whoever opens a node holds, seen kind by kind; and a plan that therefore looks at
# no process, but at all of them as soon as somebody holds the module.
# run: --topology pins; kernels 6.12; iommus intel
# all: --topology pins; kernels 6.1 6.12; iommus intel
# takes: 35
. "$(dirname "$0")/lib.sh"
cases=$(dirname "$0")

tell() {
	while read -r verdict text; do
		case $verdict in
		PASS) ok "$text" ;;
		*) not_ok "$text" ;;
		esac
	done <told
}

python3 "$cases/pins.py" nodes >told 2>&1
tell
audio=0000:00:03.1 vga=0000:00:03.0 edu=0000:00:05.0
run 0 plan $vga $audio
sleep 60 </dev/snd/controlC0 &
run 3 plan --json $vga $audio
same "held, and found" "$audio" "$(json '.findings[] | select(.code == "held-open") | .address')"
kill $!
wait $! 2>/dev/null
run 0 plan $vga $audio
run 0 bind $edu
python3 "$cases/pins.py" vfio $edu >told 2>&1
tell
run 0 release $edu
finish
