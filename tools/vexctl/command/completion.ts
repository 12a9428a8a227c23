import { basename } from 'node:path';
import type { Argv } from 'yargs';
import { print } from '../output.js';

/** The program itself knows its commands, options and values; the shell falls back to file names. */
const scripts = {
  bash: `_vexctl() {
  local words
  mapfile -t words < <(SHELL=bash vexctl --get-yargs-completions "\${COMP_WORDS[@]}" 2>/dev/null)
  mapfile -t COMPREPLY < <(compgen -W "\${words[*]}" -- "\${COMP_WORDS[COMP_CWORD]}")
}
complete -o bashdefault -o default -F _vexctl vexctl`,
  zsh: `#compdef vexctl
_vexctl() {
  local -a reply
  reply=(\${(f)"$(SHELL=zsh vexctl --get-yargs-completions "\${words[@]}" 2>/dev/null)"})
  if (( \${#reply} )) && [[ $words[CURRENT] == -* || CURRENT -eq 2 || $words[CURRENT-1] == -* ]]; then
    _describe 'vexctl' reply
  else
    _files
  fi
}
if [[ "\${zsh_eval_context[-1]}" == loadautofunc ]]; then _vexctl "$@"; else compdef _vexctl vexctl; fi`,
} as const;
type Shell = keyof typeof scripts;

function ownShell(): Shell {
  return basename(process.env.SHELL ?? '') === 'zsh' ? 'zsh' : 'bash';
}

export function completionCommand(program: Argv<{ json: boolean }>): Argv<{ json: boolean }> {
  return program.command(
    'completion [shell]',
    'Print a completion script for the shell',
    (command) =>
      command
        .usage('$0 completion [bash|zsh]\n\nWithout a name the script is for the shell that SHELL names.')
        .positional('shell', { choices: Object.keys(scripts) as Shell[], describe: 'Which shell' })
        .example('source <($0 completion bash)', 'in ~/.bashrc')
        .example('$0 completion zsh > "$fpath[1]/_vexctl"', 'once, for zsh'),
    ({ shell, json }) => {
      const name = shell ?? ownShell();
      print(json ? JSON.stringify({ shell: name, script: scripts[name] }) : scripts[name]);
    },
  );
}
