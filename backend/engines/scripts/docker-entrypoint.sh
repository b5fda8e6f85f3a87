#!/bin/sh
# Links mounted models from external_models/ into models/, which the server reads, and becomes the server.
#
# Models baked into models/ take precedence. Only complete entries with a valid name are linked: not hidden, not *.part,
# not empty, and not leading outside external_models/. Problems are printed and never prevent the start.
# engines/store/links.py does the same for a server without a container.

root=${ENTRYPOINT_ROOT:-/app}
models=$root/models
external=$root/external_models

say() {
    printf '[entrypoint] %s\n' "$1"
}

# Same rules as engines/store/names.py: one path component on every system, and not a Windows device.
is_name() {
    case $1 in
    '' | [!A-Za-z0-9_]* | *[!A-Za-z0-9._-]* | *.) return 1 ;;
    esac
    case ${1%%.*} in
    [Cc][Oo][Nn] | [Pp][Rr][Nn] | [Aa][Uu][Xx] | [Nn][Uu][Ll]) return 1 ;;
    [Cc][Oo][Mm][1-9] | [Ll][Pp][Tt][1-9]) return 1 ;;
    esac
    [ ${#1} -le 128 ]
}

leads_inside() {
    case $(readlink -f -- "$1") in
    "$real_external"/?*) return 0 ;;
    esac
    return 1
}

# A readable, non-empty file, or a readable folder with an entry that is neither hidden nor incomplete.
holds_something() {
    [ -r "$1" ] || return 1
    [ -d "$1" ] || { [ -f "$1" ] && [ -s "$1" ]; return; }
    for entry in "$1"/*; do
        case ${entry##*/} in
        *.part | lost+found) continue ;;
        esac
        if [ -e "$entry" ] || [ -L "$entry" ]; then return 0; fi
    done
    return 1
}

link() {
    if [ -e "$2" ]; then
        if [ "$1" -ef "$2" ]; then say "Skipped: $3 (linked before)"; else say "Skipped: $3 (baked in)"; fi
        return
    fi
    how=-s
    [ -L "$2" ] && how=-sfn # a dangling link: its target has moved
    if ln "$how" -- "$1" "$2" 2>/dev/null; then
        say "Linked: $3"
    elif [ "$1" -ef "$2" ]; then
        say "Skipped: $3 (linked by another start)"
    else
        say "Skipped: $3 (cannot make a link in $models)"
    fi
}

link_all() {
    mkdir -p -- "$models" "$external" 2>/dev/null || say "Cannot make $models or $external; going on with what is there."
    real_external=$(readlink -f -- "$external") || return
    for item in "$external"/*; do
        name=${item##*/}
        case $name in
        '*' | *.part | lost+found) continue ;;
        [Rr][Ee][Aa][Dd][Mm][Ee] | [Rr][Ee][Aa][Dd][Mm][Ee].*) continue ;; # says what belongs here
        esac
        if ! is_name "$name"; then
            say "Skipped: $(printf '%s' "$name" | tr -c 'A-Za-z0-9._-' '?') (use letters, digits, '.', '_' and '-')"
        elif ! leads_inside "$item"; then
            say "Skipped: $name (leads to nothing, or out of $external)"
        elif ! holds_something "$item"; then
            say "Skipped: $name (empty, incomplete or unreadable)"
        else
            link "$item" "$models/$name" "$name"
        fi
    done
}

list() {
    say "Models in $models:"
    for item in "$models"/*; do
        name=${item##*/}
        if is_name "$name" && [ -e "$item" ]; then
            say "  $name$([ -L "$item" ] && printf ' -> %s' "$(readlink -- "$item")")"
        fi
    done
}

( # a subshell, so that the server's environment does not change
    LC_ALL=C
    link_all
    list
)

exec "$@"
