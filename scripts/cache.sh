# Sourced by the scripts: where downloads and builds are kept, so that a second checkout or a second run does nothing twice.
# One folder outside the checkout. An entry is named after the hash of what made it, or is the cache of a program that checks its own,
# so an old one is never wrong, only unused.

cache=${PLOYD_POLICY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ployd-policy}

# A short name for the content of FILES, in the order given.
hash_of() {
  cat -- "$@" | sha256sum | cut -c1-16
}

# Where cargo builds: one folder for all that builds the native module. cargo tells by itself what is still good in there, so a moved
# dependency costs that dependency and not all of them.
cargo_target() {
  printf '%s\n' "${CARGO_TARGET_DIR:-$cache/cargo}"
}

say() {
  printf '%s==>%s %s\n' "${bold:-}" "${plain:-}" "$*"
}

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1;34m' plain=$'\e[0m'
fi
