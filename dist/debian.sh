# Debian's packages, unpacked and not installed, for two architectures. To be sourced.

# debian_sources DIRECTORY: the machine's own sources, with a state of their own: nothing is installed, nothing changes.
debian_sources() {
    if ! command -v apt-get >/dev/null; then
        echo 'this takes what it needs from Debian, and needs apt-get' >&2
        return 1
    fi
    mkdir -p "$1/lists/partial" "$1/cache/archives/partial"
    : >"$1/status"
    export APT_CONFIG=$1/apt.conf
    cat >"$APT_CONFIG" <<CONFIG
APT::Architectures { "amd64"; "arm64"; };
APT::Sandbox::User "root";
Dir::State::Lists "$1/lists";
Dir::State::status "$1/status";
Dir::Cache "$1/cache";
CONFIG
    apt-get update --quiet=2 >&2
}

# debian_unpack DIRECTORY PACKAGE...
debian_unpack() {
    local directory=$1
    shift
    mkdir -p "$directory/debs"
    (cd "$directory/debs" && apt-get download --quiet=2 "$@" >&2)
    for package in "$directory/debs"/*.deb; do
        dpkg-deb --extract "$package" "$directory"
    done
    rm -r "$directory/debs"
}
