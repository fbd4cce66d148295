# Shared by deploy/quickstart, deploy/dev and tests/run (bash, sourced): steps with their time, packages,
# builds, and what to say when something is missing. A failure always ends with what to do about it.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
logs=$root/build/logs
started_at=$SECONDS

# --- Saying things ---------------------------------------------------------------------------------

# step WHAT: a heading with the time since the start.
step() { printf '[%4ds] %s\n' $((SECONDS - started_at)) "$*"; }
say() { printf '        %s\n' "$*"; }

# die WHAT WHAT-TO-DO...: the end, with a reason and a remedy.
die() {
  printf '\nFAILED after %d s: %s\n' $((SECONDS - started_at)) "$1" >&2
  shift
  for line in "$@"; do printf '  %s\n' "$line" >&2; done
  exit 1
}

# The last thing a log says, short enough for one line. Ninja's and apt's progress stand there.
last_line() { tail -c 400 "$1" 2>/dev/null | tr '\r' '\n' | grep -v '^[[:space:]]*$' | tail -n 1 | cut -c1-120; }

# logged NAME COMMAND...: runs it with its output in build/logs/NAME.log and shows how far it is: one
# line that is rewritten on a terminal, otherwise a line every 20 seconds.
logged() {
  local log=$logs/$1.log pid rc=0 began=$SECONDS shown=$SECONDS
  shift
  mkdir -p "$logs"
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  trap 'kill $pid 2>/dev/null' EXIT
  while kill -0 $pid 2>/dev/null; do
    if [ -t 1 ]; then
      printf '\r\033[K        %4d s  %s' $((SECONDS - began)) "$(last_line "$log")"
    elif [ $((SECONDS - shown)) -ge 20 ]; then
      shown=$SECONDS
      printf '        %4d s  %s\n' $((SECONDS - began)) "$(last_line "$log")"
    fi
    # Waits for the command or half a second, whichever is first.
    timeout 0.5 tail --pid=$pid -f /dev/null || true
  done
  wait $pid || rc=$?
  trap - EXIT
  [ ! -t 1 ] || printf '\r\033[K'
  return $rc
}

# explain_log NAME: the end of a log that failed, and what it usually means.
explain_log() {
  local log=$logs/$1.log
  printf '\nthe end of %s:\n' "${log#"$root"/}" >&2
  tail -n 25 "$log" | sed 's/^/  | /' >&2
  if grep -qiE 'no space left on device' "$log"; then
    die "the disk is full" "make room ($(free_disk_mib "$root") MiB are free here) and run it again: it goes on where it was"
  elif grep -qE 'Killed signal|cannot allocate memory|virtual memory exhausted|std::bad_alloc' "$log"; then
    die "too little memory" "close other programs or add swap, then run it again with fewer compilers at once: JOBS=1 $0"
  elif grep -qiE 'Temporary failure resolving|Could not resolve|Network is unreachable|Connection timed out|Unable to connect|Failed to fetch' "$log"; then
    die "no network" "the package servers cannot be reached; check the connection (a proxy goes into http_proxy) and run it again"
  elif grep -qE 'Could not get lock' "$log"; then
    die "another package installation is running" "wait for it to end and run it again"
  fi
}

# --- The machine -----------------------------------------------------------------------------------

free_disk_mib() { df -Pm "$1" | awk 'NR == 2 {print $4}'; }
memory_mib() { awk '/^MemAvailable:/ {print int($2 / 1024)}' /proc/meminfo; }

# check_machine DISK_MIB MEMORY_MIB: what no later step could mend.
check_machine() {
  [ "$(uname -s)" = Linux ] || die "this is $(uname -s)" "Cairn runs on Linux; on other systems use a Debian 12 container"
  [ "$(uname -m)" = x86_64 ] || die "this is a $(uname -m) machine" "Cairn's CPU engine is for x86-64"
  local disk memory
  disk=$(free_disk_mib "$root")
  memory=$(memory_mib)
  [ "$disk" -ge "$1" ] || die "too little disk: $disk MiB are free in $root" "packages, build and model need $1 MiB; make room and run it again"
  [ "$memory" -ge "$2" ] || die "too little memory: $memory MiB are available" "compiling and running needs $2 MiB; close other programs or add swap"
}

# How many compilers fit: one a core, each with about a gigabyte.
jobs() {
  local cores fit
  cores=$(nproc)
  fit=$(($(memory_mib) / 1100))
  [ "$fit" -ge 1 ] || fit=1
  echo "${JOBS:-$((cores < fit ? cores : fit))}"
}

# --- Packages --------------------------------------------------------------------------------------

packages_in() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$@" | tr -d ' \t'; }

# install_packages FILE...: what the lists name and the machine lacks.
install_packages() {
  local wanted missing sudo=
  wanted=$(packages_in "$@")
  if ! command -v dpkg-query >/dev/null; then
    die "this is not Debian" "Cairn's dependencies are named as in Debian 12; use a Debian 12 machine or container," "or install what these name and run ninja yourself (docs/HACKING.md): $*"
  fi
  # shellcheck disable=SC2086
  missing=$(comm -13 <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p' | sort -u) \
                     <(echo "$wanted" | sort -u) | tr '\n' ' ')
  if [ -z "$missing" ]; then
    say "all $(echo "$wanted" | wc -l) are installed"
    return
  fi
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "installing packages takes root" "run this as root, or have somebody run:" "apt-get install $missing"
    sudo=sudo
    sudo -v || die "installing packages takes root" "have somebody run: apt-get install $missing"
  fi
  say "installing: $missing"
  logged apt-update $sudo env DEBIAN_FRONTEND=noninteractive apt-get update ||
    { explain_log apt-update; die "apt-get update failed" "see above"; }
  # shellcheck disable=SC2086
  logged apt-install $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-unsafe-io $missing ||
    { explain_log apt-install; die "apt-get install failed" "the packages are those of Debian 12 (bookworm); this is $(. /etc/os-release; echo "$PRETTY_NAME")"; }
}

# --- Building --------------------------------------------------------------------------------------

# build PRESET TARGET...
build() {
  local preset=$1
  shift
  if [ ! -e "build/$preset/build.ninja" ]; then
    logged "configure-$preset" cmake --preset "$preset" ||
      { explain_log "configure-$preset"; die "cmake could not configure" "see above; a half-made build folder is mended by removing build/$preset"; }
  fi
  logged "build-$preset" ninja -C "build/$preset" -j "$(jobs)" "$@" ||
    { explain_log "build-$preset"; die "the build failed" "see above; the whole log is build/logs/build-$preset.log"; }
  say "$(last_line "$logs/build-$preset.log" | grep -q 'no work to do' && echo 'nothing to do' || echo "built: $*")"
}

# pull_model NAME: into models/ of this checkout, which git ignores.
pull_model() {
  logged "pull-$1" build/release/deploy/cli/cairn model pull "$1" --models-dir models
}
