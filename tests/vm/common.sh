# What `fetch` and `run` share: where the cache is, and the tools in it.
# shellcheck shell=bash

# Raise this when the layout below changes; an old cache is then left alone and a new one is made beside it.
bed_layout=2

bed_cache=${PCIPT_VM_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/libpcipt-vm}
case $bed_cache in
/*) ;;
*) bed_cache=$PWD/$bed_cache ;;
esac

# tools/        QEMU, busybox and others with every library they need, unpacked
# kernel-6.1/   vmlinux, lib/modules/RELEASE/, config, release, base.cpio
# kernel-6.12/
bed_store=$bed_cache/$bed_layout
bed_tools=$bed_store/tools
bed_busybox=$bed_tools/bin/busybox

# The cache's programs run with the cache's own loader and libraries, so
# neither the machine's libc nor its missing packages matter.
set_loader() { # TOOLS
	loader=(
		"$1/lib64/ld-linux-x86-64.so.2"
		--library-path "$1/lib/x86_64-linux-gnu:$1/usr/lib/x86_64-linux-gnu"
	)
}

tool() { # TOOLS PROGRAM [ARG…]
	local tools=$1 program=$2
	shift 2
	set_loader "$tools"
	"${loader[@]}" "$tools/$program" "$@"
}

# kmod is one program that looks at its own name.
kmod_as() { # TOOLS NAME [ARG…]
	local tools=$1 name=$2
	shift 2
	set_loader "$tools"
	"${loader[@]}" --argv0 "$name" "$tools/bin/kmod" "$@"
}

# What the guest needs before it can see the host's files. Everything else is
# loaded later, by name, from the kernel's own module tree.
bed_boot_modules=(virtio_pci virtio_console 9pnet_virtio 9p overlay)

# The folder as an uncompressed initramfs on stdout. Unpacking would be
# emulated work, so compression costs more than it saves.
pack_cpio() { # DIR
	(cd "$1" && "$bed_busybox" find . | "$bed_busybox" cpio -o -H newc -R 0:0 2>/dev/null)
}

# The files to insmod, in order. A tree without modules (all built in) gives none.
boot_module_files() { # TREE RELEASE
	local name
	[ -e "$1/lib/modules/$2/modules.dep" ] || return 0
	# shellcheck disable=SC2016 # awk's own $
	for name in "${bed_boot_modules[@]}"; do
		kmod_as "$bed_tools" modprobe -d "$1" -S "$2" --show-depends "$name" || return 1
	done | "$bed_busybox" awk 'sub(/^insmod /, "") && !seen[$NF]++'
}

# The part of the initramfs that is the same for each run: busybox and the
# boot modules, numbered in loading order.
make_base() { # TREE RELEASE DIR
	local tree=$1 release=$2 dir=$3 list file name n=10
	list=$(boot_module_files "$tree" "$release") || return 1
	mkdir -p "$dir/bin" "$dir/boot-modules" "$dir/proc" "$dir/sys" "$dir/dev" "$dir/host" "$dir/rw" "$dir/newroot" || return 1
	cp "$bed_busybox" "$dir/bin/busybox" || return 1
	while read -r file; do
		[ -n "$file" ] || continue
		file=${file% } name=$n-${file##*/}
		case $name in
		*.xz) tool "$bed_tools" usr/bin/xz -dc "$file" >"$dir/boot-modules/${name%.xz}" || return 1 ;;
		*) cp "$file" "$dir/boot-modules/$name" || return 1 ;;
		esac
		n=$((n + 1))
	done <<<"$list"
}
