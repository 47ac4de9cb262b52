# Prints the path of a Chromium for the browser tests, after installing Debian's where that is
# possible and none is there. Prints nothing, and says so, if there is none.

find_chromium() {
    command -v "${EVENKEEL_CHROMIUM:-chromium}" || command -v chromium-browser ||
        command -v google-chrome || command -v google-chrome-stable
}

find_chromium && exit
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Chromium for the browser tests." >&2
    apt-get update -qq >&2 &&
        DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
            chromium >/dev/null
    find_chromium && exit
fi
echo "No Chromium: the browser tests are skipped. Install it, or set EVENKEEL_CHROMIUM." >&2
