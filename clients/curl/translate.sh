#!/usr/bin/env bash
# Write down in English what is said in a recording.
set -u
. "$(dirname "$0")/common.sh"

usage() {
    cat <<'HELP'
translate.sh [options] FILE

Writes what is said in a recording to standard output, in English.

  -f, --format FORMAT     text (the default), json, verbose_json, srt or vtt

HELP
    options_help
}

own_option() {
    return 1
}

response_format=text
parse "$@"
ask /v1/audio/translations
