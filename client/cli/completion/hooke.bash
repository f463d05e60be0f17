# Completion of hooke for bash. Load it now:  source <(hooke completion bash)
# The program itself says what may come next, so this file never goes stale.

_hooke() {
  local line="${COMP_LINE:0:COMP_POINT}" candidate
  local -a words
  COMPREPLY=()
  # Readline splits at ':', '=' and '@' too, which are parts of Hooke's words.
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  local current="${words[-1]}"
  # Of a word with such a character, readline replaces what comes after the last one.
  local breaks="${COMP_WORDBREAKS//[^:=@]/}" lead=''
  if [[ -n $breaks && $current == *[$breaks]* ]]; then lead="${current%"${current##*[$breaks]}"}"; fi

  while IFS= read -r candidate; do
    case $candidate in
      :files) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
      :folders) mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
      *) candidate="${candidate%%$'\t'*}" && COMPREPLY+=("${candidate#"$lead"}") && continue ;;
    esac
    compopt -o filenames 2>/dev/null
    return
  done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
}

complete -F _hooke hooke
