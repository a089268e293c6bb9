# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for pcipt(8)

# Claims and addresses come from the tool itself, with the --root that is being typed.
_pcipt_words()
{
	local verb=$1 i root=()

	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == --root ]] && root=(--root "${COMP_WORDS[i + 1]}")
	done
	pcipt "$verb" "${root[@]}" 2>/dev/null | while read -r word _; do
		[[ $verb == claims && $word == no ]] || printf '%s\n' "$word"
	done
}

_pcipt()
{
	local cur prev verb='' words='' i
	local verbs='list show groups plan bind release claims status forget reconcile recover monitor version'
	local options='--json --root --verbose --help'

	COMPREPLY=()
	# Addresses hold colons, at which bash breaks words unless told otherwise.
	if declare -F _get_comp_words_by_ref >/dev/null; then
		_get_comp_words_by_ref -n : cur prev
	else
		cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--root) i=$((i + 1)) ;;
		-*) ;;
		*)
			verb=${COMP_WORDS[i]}
			break
			;;
		esac
	done

	case $prev in
	--root)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	--driver)
		mapfile -t COMPREPLY < <(compgen -W 'vfio-pci pci-stub' -- "$cur")
		return
		;;
	--allow | --name | --owner | --timeout | --look) return ;;
	esac

	case $verb in
	list) options+=' --full' ;;
	plan) options+=' --with-set --with-companions --driver --allow' ;;
	bind) options+=' --with-set --with-companions --driver --allow --name --owner --persistent --dry-run --timeout' ;;
	release) options+=' --allow --owner --with-claim --dry-run --timeout' ;;
	monitor) options+=' --look' ;;
	recover) options+=' --timeout' ;;
	reconcile) options+=' --allow --timeout --boot' ;;
	esac
	if [[ $cur == -* ]]; then
		words=$options
	else
		case $verb in
		'') words=$verbs ;;
		show | plan | bind) words=$(_pcipt_words list) ;;
		release | status | forget) words=$(_pcipt_words claims) ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	if declare -F __ltrim_colon_completions >/dev/null; then
		__ltrim_colon_completions "$cur"
	fi
}

complete -F _pcipt pcipt
