#!/usr/bin/env bash
# The commands that people run first: they parse, they explain themselves, they refuse what they do not know,
# and every example configuration is one that the program takes.
#
#   scripts_test.sh SOURCE-FOLDER CAIRN
set -u
source=$1 cairn=$2 failed=0
cd "$source" || exit 1

# expect WHAT RC PATTERN COMMAND...: exit status and a pattern in the output.
expect() {
  local what=$1 rc=$2 pattern=$3 said
  shift 3
  said=$("$@" 2>&1 </dev/null)
  local got=$?
  if [ $got != "$rc" ] || ! grep -qE -- "$pattern" <<<"$said"; then
    printf 'FAILED: %s: exit %s (wanted %s), said:\n%s\n' "$what" "$got" "$rc" "$said"
    failed=1
  fi
}

for script in deploy/quickstart deploy/dev deploy/lib.sh tests/run .ci/run; do
  expect "$script parses" 0 '' bash -n "$script"
done
for script in deploy/quickstart deploy/dev tests/run; do
  [ -x "$script" ] || { echo "FAILED: $script is not executable"; failed=1; }
  expect "$script --help" 0 "$script" "$script" --help
done
expect "quickstart refuses what it does not know" 1 "unknown argument '--prot'" deploy/quickstart --prot 1
expect "quickstart refuses a port that is none" 1 "'99999' is not a port" deploy/quickstart --port 99999
expect "dev without a command" 2 'deploy/dev check' deploy/dev
expect "dev names what there is to fuzz" 0 units_fuzz deploy/dev fuzz
expect "dev refuses an unknown fuzz target" 1 "no fuzz target 'nothing'" deploy/dev fuzz nothing

# What lib.sh says in each trouble, from logs as apt, pip and the compiler write them.
explains() {
  expect "the log '$1' is explained" 1 "$2" bash -c ". deploy/lib.sh; logs=\$(mktemp -d); printf '%s\n' \"\$1\" >\$logs/x.log; explain_log x; true" _ "$1"
}
explains 'Temporary failure resolving' 'no network'
explains 'Err:1 Could not resolve host' 'no network'
explains 'fatal error: No space left on device' 'the disk is full'
explains 'c++: fatal error: Killed signal terminated program cc1plus' 'too little memory'
explains 'E: Could not get lock /var/lib/dpkg/lock-frontend' 'another package installation'
expect "too little disk is refused" 1 'too little disk' bash -c '. deploy/lib.sh; check_machine 999999999 1'
expect "too little memory is refused" 1 'too little memory' bash -c '. deploy/lib.sh; check_machine 1 999999999'
expect "comments in package lists are not packages" 0 '^g\+\+$' bash -c '. deploy/lib.sh; packages_in deploy/packages.txt'

for config in deploy/config/*.yaml; do
  "$cairn" up --help >/dev/null 2>&1 || { echo "SKIPPED: deploy/config/*.yaml needs cairn up"; break; }
  # CAIRN_* of whoever runs this must not matter.
  expect "$config loads" 0 'Effective configuration' env -i PATH="$PATH" HOME="$HOME" "$cairn" up --config "$config" --print-config
done
[ $failed = 0 ] && echo "all as expected"
exit $failed
