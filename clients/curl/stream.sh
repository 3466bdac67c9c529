#!/usr/bin/env bash
# Write down what is said in a recording, while it is recognised.
set -u
. "$(dirname "$0")/common.sh"

usage() {
    cat <<'HELP'
stream.sh [options] FILE

Writes what is said in a recording to standard output, while it is recognised. Needs jq.

      --events            the server's events instead, one JSON object a line; needs no jq

HELP
    options_help
}

own_option() {
    [ "$1" = --events ] || return 1
    as_text=no
}

# Events from standard input. What is no event is an answer without a stream: it goes into $scratch.
show() {
    local line event is_done=no
    while IFS= read -r line || [ -n "$line" ]; do
        line=${line%$'\r'}
        case $line in
            'data: [DONE]' | '' | :* | event:* | id:* | retry:*) ;;
            data:*)
                event=${line#data:}
                event=${event# }
                show_event || return
                ;;
            *) printf '%s\n' "$line" >>"$scratch/body" ;;
        esac
    done
    [ "$is_done" = yes ] || return $NO_SERVER
}

show_event() {
    case $event in
        *'"type":"transcript.text.done"'* | *'"type": "transcript.text.done"'*) is_done=yes ;;
    esac
    case $event in
        '{"error":'*)
            printf '%s' "$event" >"$scratch/body"
            return $REFUSED
            ;;
    esac
    if [ $as_text = no ]; then
        printf '%s\n' "$event"
    elif [ $is_done = yes ]; then
        printf '\n'
    else
        printf '%s' "$event" | jq -j '.delta // empty'
    fi
}

as_text=yes
parse "$@"
[ $as_text = no ] || need jq
field stream=true
scratch=$(mktemp -d) || exit $WRONG_CALL
trap 'rm -rf "$scratch"' EXIT
headers=$scratch/headers
post /v1/audio/transcriptions --no-buffer | show
results=("${PIPESTATUS[@]}")
[ "${results[1]}" != $REFUSED ] || refused "$(cat "$scratch/body")"
[ "${results[0]}" = 0 ] || no_server "${results[0]}"
[ "$(status)" = 200 ] || refused "$(cat "$scratch/body" 2>/dev/null)"
[ "${results[1]}" = 0 ] || fail $NO_SERVER "the stream ended before the transcription was done"
