# Stages and steps of .ci/run: each says its name and is timed, and the summary at the end shows what each took.

scratch="$(mktemp -d)"
summary="$scratch/summary"
closing="$scratch/closing-line"
: >"$summary"
stage_name="" step_name=""

# stage NAME MINUTES: the steps that follow should take no more together.
# A stage that takes longer is printed as such and fails nothing: how long it takes depends on the machine as well as
# on the change, and a run must not fail by chance. What hangs is ended by the limits of the tests and tools.
stage() {
  end_stage
  stage_name="$1" stage_budget=$(($2 * 60)) stage_start=$SECONDS
  : >"$scratch/steps"
}

step() {
  end_step
  step_name="$1" step_start=$SECONDS
  printf '\n== %s\n' "$1"
}

end_step() {
  [ -n "$step_name" ] || return 0
  printf '  %5d s  %s%s\n' $((SECONDS - step_start)) "$step_name" "${1:-}" >>"$scratch/steps"
  step_name=""
}

end_stage() {
  [ -n "$stage_name" ] || return 0
  end_step "${1:-}"
  local took=$((SECONDS - stage_start)) over=""
  [ "$took" -le "$stage_budget" ] || over="  OVER ITS BUDGET, by $((took - stage_budget)) s"
  printf '%s: %d s of %d s%s\n' "$stage_name" "$took" "$stage_budget" "$over" >>"$summary"
  cat "$scratch/steps" >>"$summary"
  stage_name=""
}

# begin NAME COMMAND…: what mostly waits goes on beside the next steps. What it says is shown, and how it ends counts,
# at finish NAME.
begin() {
  local name="$1"
  shift
  "$@" >"$scratch/$name.log" 2>&1 &
  echo $! >"$scratch/$name.pid"
}

finish() {
  local code=0
  wait "$(cat "$scratch/$1.pid")" || code=$?
  cat "$scratch/$1.log"
  return "$code"
}

# Passes lines on as they come, except the last, which becomes the last of the whole run.
keep_closing_line() {
  local line last="" is_first=1
  while IFS= read -r line || [ -n "$line" ]; do
    [ -n "$is_first" ] || printf '%s\n' "$last"
    is_first="" last="$line"
  done
  printf '%s\n' "$last" >"$closing"
}

finish_run() {
  local code=$?
  trap - EXIT
  kill $(jobs -p) 2>/dev/null || true
  if [ "$code" = 0 ]; then end_stage; else end_stage "  FAILED"; fi
  printf '\n== what each stage and step took, of its budget\n'
  cat "$summary"
  # A runner that was killed counts nothing: what it said last is one line of many.
  if ! grep -Eq '^[0-9]+ passed, [0-9]+ failed' "$closing" 2>/dev/null; then
    [ ! -s "$closing" ] || cat "$closing"
    echo "0 passed, 0 failed" >"$closing"
  fi
  # A step that failed counts as one, where no test did.
  if [ "$code" = 0 ]; then cat "$closing"; else sed 's/, 0 failed/, 1 failed/' "$closing"; fi
  rm -rf "$scratch"
  exit "$code"
}
trap finish_run EXIT
# bash runs no EXIT trap for a signal that it has none for.
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
