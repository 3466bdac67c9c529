#!/usr/bin/env bash
# Write down what is said in a recording.
set -u
. "$(dirname "$0")/common.sh"

usage() {
    cat <<'HELP'
transcribe.sh [options] FILE

Writes what is said in a recording to standard output.

  -f, --format FORMAT     text (the default), json, verbose_json, srt or vtt
      --words             times of words; the format is then verbose_json

HELP
    options_help
}

own_option() {
    [ "$1" = --words ] || return 1
    response_format=verbose_json
    field 'timestamp_granularities[]=word'
    field 'timestamp_granularities[]=segment'
}

response_format=text
parse "$@"
ask /v1/audio/transcriptions
