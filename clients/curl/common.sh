# What the scripts beside this one share; they source it. Needs bash (3.2 or newer) and curl.

readonly REFUSED=1 WRONG_CALL=2 NO_SERVER=3

fail() { # exit status, message
    printf '%s: %s\n' "${0##*/}" "$2" >&2
    exit "$1"
}

options_help() {
    cat <<'HELP'
Options
  -m, --model NAME        the model; whisper-1, the default, is the one the server was started with
  -l, --language CODE     language of the speech (en, de, German); found out when left out
  -p, --prompt TEXT       text the recording might follow: style, spelling, names
  -F, --field NAME=VALUE  any other field of the API, such as temperature=0.2; may be repeated
  -u, --url URL           the server; otherwise AURICLE_URL, otherwise http://localhost:50060
  -h, --help              this text

FILE may be - for standard input. An API key is taken from AURICLE_API_KEY.

Exit status: 0 done, 1 refused by the server, 2 wrong option, file or missing program,
3 no server or a broken connection.
HELP
}

need() { # program
    command -v "$1" >/dev/null || fail $WRONG_CALL "this needs $1, which is not installed"
}

# Options every script takes. Sets url, file, response_format and form, an array of curl's arguments.
# A script's own options are left to the function own_option: it returns 0 after one it knows.
parse() {
    url=${AURICLE_URL:-http://localhost:50060}
    file=
    model=whisper-1
    form=()
    while [ $# -gt 0 ]; do
        case $1 in
            -h | --help) usage && exit 0 ;;
            -m | --model) value "$@" && model=$2 && shift ;;
            -l | --language) value "$@" && field "language=$2" && shift ;;
            -p | --prompt) value "$@" && field "prompt=$2" && shift ;;
            -u | --url) value "$@" && url=$2 && shift ;;
            -f | --format)
                [ -n "${response_format:-}" ] || fail $WRONG_CALL "$1 is not an option here; see --help"
                value "$@" && response_format=$2 && shift
                ;;
            -F | --field)
                value "$@"
                case $2 in
                    ?*=*) field "$2" ;;
                    *) fail $WRONG_CALL "--field wants NAME=VALUE, not '$2'" ;;
                esac
                shift
                ;;
            - | [!-]*)
                [ -z "$file" ] || fail $WRONG_CALL "one recording at a time: '$file' or '$1'?"
                file=$1
                ;;
            *) own_option "$1" || fail $WRONG_CALL "unknown option '$1'; see --help" ;;
        esac
        shift
    done
    need curl
    url=${url%/}
    url=${url%/v1}
    [ -n "$file" ] || fail $WRONG_CALL "which recording? see --help"
    [ "$file" = - ] || { [ -f "$file" ] && [ -r "$file" ]; } || [ -p "$file" ] ||
        fail $WRONG_CALL "cannot read '$file'"
    field "model=$model"
    [ -z "${response_format:-}" ] || field "response_format=$response_format"
    add_recording
}

value() { # option, its value, …
    [ $# -ge 2 ] || fail $WRONG_CALL "$1 wants a value; see --help"
}

field() { # NAME=VALUE, taken literally: curl gives @ and < a meaning otherwise
    form+=(--form-string "$1")
}

add_recording() {
    if [ "$file" = - ]; then
        form+=(--form "file=@-;filename=recording")
    else
        local path=${file//\\/\\\\}
        form+=(--form "file=@\"${path//\"/\\\"}\"")
    fi
}

# POST the form; the arguments are further options of curl. The response's headers go into $headers.
# The key is not among the arguments, which every user of a machine can see.
post() { # path, options…
    local path=$1
    shift
    local key=${AURICLE_API_KEY:-} authorization=
    key=${key//\\/\\\\}
    [ -z "$key" ] || authorization="header = \"Authorization: Bearer ${key//\"/\\\"}\""
    curl --silent --show-error --dump-header "$headers" "$@" "${form[@]}" \
        --config <(printf '%s\n' "$authorization") "$url$path"
}

status() { # of the last response that was not 100 Continue
    sed -n 's|^HTTP/[0-9.]* \([0-9][0-9]*\).*|\1|p' "$headers" | tail -n 1
}

header() { # name
    grep -i "^$1:" "$headers" | tail -n 1 | cut -d : -f 2- | tr -d ' \r'
}

refused() { # body
    local message=$1 after
    if command -v jq >/dev/null; then
        message=$(printf '%s' "$1" | jq -er '.error.message' 2>/dev/null) || message=$1
    fi
    after=$(header retry-after)
    fail $REFUSED "$(status): $message${after:+ (try again in $after s)}"
}

no_server() { # curl's exit status
    fail $NO_SERVER "no answer from $url (curl's exit status $1)"
}

# The whole answer on standard output.
ask() { # path
    local body
    scratch=$(mktemp -d) || exit $WRONG_CALL
    trap 'rm -rf "$scratch"' EXIT
    headers=$scratch/headers
    post "$1" --output "$scratch/body" || no_server $?
    [ "$(status)" = 200 ] || refused "$(cat "$scratch/body" 2>/dev/null)"
    cat "$scratch/body"
}
